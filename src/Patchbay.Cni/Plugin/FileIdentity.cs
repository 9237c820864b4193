using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Patchbay.Cni.Interop;

namespace Patchbay.Cni.Plugin;

/// <summary>What makes two paths the same file (statx(2)): two network namespaces, or two hard links of an executable.</summary>
/// <param name="Device">Device number, major in the upper 32 bits.</param>
/// <param name="Inode">Inode number.</param>
/// <param name="IsRegular">True for a regular file.</param>
public readonly record struct FileIdentity(ulong Device, ulong Inode, bool IsRegular)
{
    /// <summary>Looks at a path; symbolic links are followed.</summary>
    /// <param name="path">The path.</param>
    /// <returns>The identity, or null when there is nothing to see.</returns>
    public static unsafe FileIdentity? Of(string path)
    {
        const uint TypeAndInode = 0x101; // STATX_TYPE | STATX_INO
        if (string.IsNullOrEmpty(path) || path.Contains('\0', StringComparison.Ordinal))
            return null;
        byte* bytes = stackalloc byte[256];
        if (Libc.statx(Libc.AT_FDCWD, path, 0, TypeAndInode, bytes) != 0)
            return null;

        // struct statx of linux/stat.h: stx_mode at 28, stx_ino at 32, stx_dev_major at 136, stx_dev_minor at 140.
        ReadOnlySpan<byte> stat = new(bytes, 256);
        ulong device = ((ulong)MemoryMarshal.Read<uint>(stat[136..]) << 32) | MemoryMarshal.Read<uint>(stat[140..]);
        return new FileIdentity(device, MemoryMarshal.Read<ulong>(stat[32..]), (MemoryMarshal.Read<ushort>(stat[28..]) & 0xf000) == 0x8000);
    }
}
