namespace Patchbay.Plugins.Tools.Install;

/// <summary>What statx(2) says of an entry itself, also when it is a symbolic link.</summary>
internal readonly record struct FileState(ulong Device, ulong Inode, ushort Mode, long Size)
{
    /// <summary>Two names with the same identity are one file.</summary>
    internal (ulong Device, ulong Inode) Identity => (Device, Inode);

    internal bool IsRegular => (Mode & 0xf000) == 0x8000;

    internal bool IsLink => (Mode & 0xf000) == 0xa000;

    internal bool IsDirectory => (Mode & 0xf000) == 0x4000;

    /// <summary>Everybody may run it, and only its owner may change it.</summary>
    internal bool IsProgram => (Mode & 0xfff) == 0x1ed;
}
