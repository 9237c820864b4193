namespace Patchbay.Cni.Plugin;

/// <summary>What a plugin is asked to do. VERSION is answered by the host.</summary>
public enum CniCommand
{
    /// <summary>ADD: connect the container.</summary>
    Add,

    /// <summary>DEL: disconnect it; what is missing is no error.</summary>
    Delete,

    /// <summary>CHECK: is it connected as the result said?</summary>
    Check,

    /// <summary>GC: remove what belongs to no valid attachment of this network.</summary>
    GarbageCollect,

    /// <summary>STATUS: would an ADD succeed?</summary>
    Status,
}

/// <summary>The commands as CNI_COMMAND spells them.</summary>
public static class CniCommandText
{
    /// <summary>The value of CNI_COMMAND.</summary>
    /// <param name="command">The command.</param>
    /// <returns>For example <c>ADD</c>.</returns>
    public static string ToText(this CniCommand command) => command switch
    {
        CniCommand.Add => "ADD",
        CniCommand.Delete => "DEL",
        CniCommand.Check => "CHECK",
        CniCommand.GarbageCollect => "GC",
        CniCommand.Status => "STATUS",
        _ => throw new ArgumentOutOfRangeException(nameof(command), command, "not a command"),
    };

    internal static CniCommand? Parse(string text) => text switch
    {
        "ADD" => CniCommand.Add,
        "DEL" => CniCommand.Delete,
        "CHECK" => CniCommand.Check,
        "GC" => CniCommand.GarbageCollect,
        "STATUS" => CniCommand.Status,
        _ => null,
    };
}
