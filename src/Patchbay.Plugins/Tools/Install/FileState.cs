namespace Patchbay.Plugins.Tools.Install;

/// <summary>What statx(2) says of an entry itself, also when it is a symbolic link.</summary>
internal readonly struct FileState(ulong device, ulong inode, ushort mode)
{
    private ulong Device { get; } = device;

    private ulong Inode { get; } = inode;

    private ushort Mode { get; } = mode;

    internal bool IsRegular => (Mode & 0xf000) == 0x8000;

    internal bool IsLink => (Mode & 0xf000) == 0xa000;

    internal bool IsDirectory => (Mode & 0xf000) == 0x4000;

    /// <summary>Everybody may run it, and only its owner may change it.</summary>
    internal bool IsProgram => (Mode & 0xfff) == 0x1ed;

    /// <summary>Whether two names are one file.</summary>
    internal bool IsSame(FileState other) => Inode == other.Inode && Device == other.Device;
}
