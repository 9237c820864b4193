namespace Patchbay.Plugins.Interfaces;

/// <summary>Runs the steps of a teardown, all of them, and reports their failures together.</summary>
internal sealed class Cleanup
{
    private List<Exception>? _failures;

    /// <summary>Runs a step; a failure is kept and does not stop the next one.</summary>
    internal void Step(Action step)
    {
        try
        {
            step();
        }
        catch (Exception failure) when (failure is not OutOfMemoryException)
        {
            (_failures ??= []).Add(failure);
        }
    }

    /// <summary>Throws what failed: the failure itself if there was one, all their texts if there were several.</summary>
    internal void ThrowIfFailed()
    {
        if (_failures is [var only])
            throw only;
        if (_failures is not null)
            throw new AggregateException(string.Join("; ", _failures.Select(failure => failure.Message)), _failures);
    }
}
