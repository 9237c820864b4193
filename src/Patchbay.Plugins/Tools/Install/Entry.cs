namespace Patchbay.Plugins.Tools.Install;

/// <summary>A name in the directory and what is there.</summary>
/// <remarks>No record: what the compiler adds to one, unused, would be in the file that every plugin starts from.</remarks>
internal sealed class Entry(string name, EntryState state)
{
    /// <summary>The name.</summary>
    internal string Name { get; } = name;

    /// <summary>What is there.</summary>
    internal EntryState State { get; set; } = state;

    /// <summary>Whose version, if it is patchbay-cni and says so.</summary>
    internal string? Version { get; init; }

    /// <summary>What it is when it is not ours: "symbolic link to /x", "directory".</summary>
    internal string? What { get; init; }

    /// <summary>The file, or null when there is none or it is a symbolic link.</summary>
    internal FileState? File { get; init; }

    /// <summary>Whether it is patchbay-cni, of whatever version.</summary>
    internal bool IsOurs => State is EntryState.Current or EntryState.Older or EntryState.Newer or EntryState.Different or EntryState.Copy or EntryState.Permissions;

    /// <summary>The word for it in text and JSON.</summary>
    internal string Word => State switch
    {
        EntryState.Current => "current",
        EntryState.Missing => "missing",
        EntryState.Older => "older",
        EntryState.Newer => "newer",
        EntryState.Different => "different",
        EntryState.Copy => "copy",
        EntryState.Permissions => "permissions",
        EntryState.K3s => "k3s",
        _ => "foreign",
    };

    /// <summary>The word and what else is known.</summary>
    internal string Description =>
        Version is not null && State != EntryState.Current ? $"{Word}, version {Version}" : What is not null ? $"{Word}, {What}" : Word;
}
