using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Patchbay.Plugins.Tools.Install;

/// <summary>The system calls on the entries of one directory that .NET lacks, named as in section 2 of the manual. None follows a symbolic link at the end of a path.</summary>
internal static unsafe partial class Libc
{
    internal const int O_RDONLY = 0;
    internal const int O_WRONLY = 1;
    internal const int O_CREAT = 0x40;
    internal const int O_EXCL = 0x80;
    internal const int O_NONBLOCK = 0x800;
    internal const int O_CLOEXEC = 0x80000;
    internal const int LOCK_EX = 2;
    internal const int EPERM = 1, ENOENT = 2, EINTR = 4, EACCES = 13, ENOTDIR = 20, ENOSPC = 28, EROFS = 30, EMLINK = 31, EDQUOT = 122;

    private const int AT_FDCWD = -100;
    private const int AT_SYMLINK_NOFOLLOW = 0x100;
    private const uint STATX_BASIC = 0x7ff;

    // asm/fcntl.h: these two differ between x86 and arm64.
    internal static int O_DIRECTORY => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x4000 : 0x10000;

    internal static int O_NOFOLLOW => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;

    internal static int LastError => Marshal.GetLastPInvokeError();

    internal static SafeFileHandle? OpenDirectory(string path) => Handle(openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));

    internal static SafeFileHandle? Open(SafeFileHandle directory, string name, int flags, uint mode = 0) =>
        Handle(openat((int)directory.DangerousGetHandle(), name, flags | O_NOFOLLOW | O_CLOEXEC, mode));

    internal static int Link(SafeFileHandle directory, string from, string to) =>
        Result(linkat(directory, from, directory, to, 0));

    internal static int Rename(SafeFileHandle directory, string from, string to) =>
        Result(renameat(directory, from, directory, to));

    internal static int Unlink(SafeFileHandle directory, string name) => Result(unlinkat(directory, name, 0));

    internal static int SetMode(SafeFileHandle file, uint mode) => Result(fchmod(file, mode));

    /// <summary>Writes all of it; 0 or the error.</summary>
    internal static int Write(SafeFileHandle file, ReadOnlySpan<byte> content, long offset)
    {
        while (content.Length > 0)
        {
            nint written;
            fixed (byte* at = content)
                written = pwrite(file, at, (nuint)content.Length, offset);
            if (written < 0 && LastError == EINTR)
                continue;
            if (written <= 0)
                return written < 0 ? LastError : ENOSPC;
            content = content[(int)written..];
            offset += written;
        }

        return 0;
    }

    internal static int Sync(SafeFileHandle file) => Result(fsync(file));

    internal static void Lock(SafeFileHandle file)
    {
        // A file system without locks is no reason to install nothing: they only keep two installations at once apart.
        while (flock(file, LOCK_EX) < 0 && LastError == EINTR)
        {
        }
    }

    internal static FileState? Stat(SafeFileHandle directory, string name)
    {
        byte* answer = stackalloc byte[256];
        if (statx(directory, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC, answer) != 0)
            return null;

        // struct statx of linux/stat.h: stx_mode at 28, stx_ino at 32, stx_dev_major at 136, stx_dev_minor at 140.
        ReadOnlySpan<byte> stat = new(answer, 256);
        return new FileState(
            ((ulong)MemoryMarshal.Read<uint>(stat[136..]) << 32) | MemoryMarshal.Read<uint>(stat[140..]),
            MemoryMarshal.Read<ulong>(stat[32..]),
            MemoryMarshal.Read<ushort>(stat[28..]));
    }

    internal static string? ReadLink(SafeFileHandle directory, string name)
    {
        byte* text = stackalloc byte[4096];
        nint length = readlinkat(directory, name, text, 4096);
        return length < 0 ? null : Encoding.UTF8.GetString(text, (int)length);
    }

    /// <summary>Every name in a directory but "." and "..".</summary>
    internal static List<string> List(SafeFileHandle directory)
    {
        List<string> names = [];
        using SafeFileHandle? entries = Open(directory, ".", O_RDONLY | O_DIRECTORY); // the position of a directory belongs to the open file
        byte[] buffer = new byte[32 * 1024];
        while (entries is not null)
        {
            nint length;
            fixed (byte* at = buffer)
                length = getdents64(entries, at, (nuint)buffer.Length);
            if (length <= 0)
                break;
            // getdents(2): u64 inode, s64 offset, u16 record length, u8 type, name
            for (int at = 0; at < length;)
            {
                int end = at + BinaryPrimitives.ReadUInt16LittleEndian(buffer.AsSpan(at + 16));
                ReadOnlySpan<byte> name = buffer.AsSpan(at + 19, end - at - 19);
                string text = Encoding.UTF8.GetString(name[..name.IndexOf((byte)0)]);
                if (text is not ("." or ".."))
                    names.Add(text);
                at = end;
            }
        }

        return names;
    }

    private static int Result(int result) => result == 0 ? 0 : LastError;

    private static SafeFileHandle? Handle(int fd) => fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int openat(int directory, string path, int flags, uint mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int linkat(SafeFileHandle fromDirectory, string from, SafeFileHandle toDirectory, string to, int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int renameat(SafeFileHandle fromDirectory, string from, SafeFileHandle toDirectory, string to);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int unlinkat(SafeFileHandle directory, string name, int flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(SafeFileHandle directory, string path, int flags, uint mask, byte* statx);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint readlinkat(SafeFileHandle directory, string path, byte* text, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint getdents64(SafeFileHandle directory, byte* entries, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fchmod(SafeFileHandle file, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint pwrite(SafeFileHandle file, byte* content, nuint length, long offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(SafeFileHandle file);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(SafeFileHandle file, int operation);
}
