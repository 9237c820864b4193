using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Interfaces;

/// <summary>What an ADD has done so far and how to undo it, so that a failed one leaves nothing behind.</summary>
internal sealed class Rollback
{
    private readonly Stack<Action> _undo = new();

    /// <summary>Remembers how to undo the step that comes next or was just done; undoing must tolerate what is missing.</summary>
    internal void Push(Action undo) => _undo.Push(undo);

    /// <summary>Undoes all steps, newest first.</summary>
    /// <param name="cause">Why.</param>
    /// <returns>The error to throw: the cause, and in its details what could not be undone.</returns>
    internal CniException Undo(Exception cause)
    {
        var error = CniException.From(cause);
        List<string>? failures = null;
        while (_undo.TryPop(out var undo))
        {
            try
            {
                undo();
            }
            catch (Exception failure) when (failure is not OutOfMemoryException)
            {
                (failures ??= []).Add(failure.Message);
            }
        }

        if (failures is null)
            return error;
        var left = $"not cleaned up, run DEL: {string.Join("; ", failures)}";
        return new CniException(error.Code, error.Message, error.Details.Length == 0 ? left : $"{error.Details}; {left}", error);
    }
}
