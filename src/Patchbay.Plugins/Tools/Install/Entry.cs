namespace Patchbay.Plugins.Tools.Install;

/// <summary>A name in the directory and what is there.</summary>
/// <param name="Name">The name.</param>
/// <param name="State">What is there.</param>
/// <param name="Version">Whose version, if it is patchbay-cni and says so.</param>
/// <param name="What">What it is when it is not ours: "symbolic link to /x", "directory".</param>
/// <param name="File">The file, or null when there is none or it is a symbolic link.</param>
internal sealed record Entry(string Name, EntryState State, string? Version = null, string? What = null, FileState? File = null)
{
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
    internal string Description => (Version, What) switch
    {
        ({ } version, _) when State != EntryState.Current => $"{Word}, version {version}",
        (_, { } what) => $"{Word}, {what}",
        _ => Word,
    };
}
