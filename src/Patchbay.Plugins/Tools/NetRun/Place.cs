namespace Patchbay.Plugins.Tools.NetRun;

/// <summary>Where the command is to run: a network namespace with a name, and what keeps it.</summary>
internal abstract class Place
{
    /// <summary>Makes it.</summary>
    internal abstract void Make();

    /// <summary>Removes it, however much of it there is.</summary>
    internal abstract void Remove();

    /// <summary>What the command left running on purpose and whose end is to be waited for, as a program that ends with it; null when there is nothing.</summary>
    internal virtual byte[][]? Remaining() => null;

    /// <summary>Ends what the command left running where it is no descendant of ours.</summary>
    internal virtual void EndRemaining()
    {
    }

    /// <summary>The place of a run.</summary>
    /// <param name="run">The run.</param>
    /// <param name="begun">Whether somebody else has begun with it.</param>
    internal static Place Of(RunIdentity run, bool begun) => run.IsDocker ? new DockerPlace(run, begun) : new FreshPlace(run);

    /// <summary>A fresh namespace.</summary>
    private sealed class FreshPlace(RunIdentity run) : Place
    {
        internal override void Make() => NamedNamespace.Create(run.Id);

        internal override void Remove() => NamedNamespace.Remove(run.Id);
    }
}
