namespace Patchbay.Plugins.Tools.Install;

/// <summary>What is found under a name in the directory.</summary>
internal enum EntryState
{
    /// <summary>This very program.</summary>
    Current,

    /// <summary>Nothing.</summary>
    Missing,

    /// <summary>patchbay-cni of an earlier version, or from before its file told one.</summary>
    Older,

    /// <summary>patchbay-cni of a later version.</summary>
    Newer,

    /// <summary>Another build of this version, or one whose version cannot be compared.</summary>
    Different,

    /// <summary>The same bytes in a file of their own: a plugin calls its delegate without a process only if both are one file.</summary>
    Copy,

    /// <summary>This program with permissions other than 0755.</summary>
    Permissions,

    /// <summary>A name that k3s links to its own program.</summary>
    K3s,

    /// <summary>A file or a symbolic link of somebody else.</summary>
    Foreign,

    /// <summary>A directory, device or socket, which rename(2) does not replace or should not.</summary>
    Obstacle,
}
