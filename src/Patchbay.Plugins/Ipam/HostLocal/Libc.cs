using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Patchbay.Plugins.Ipam.HostLocal;

/// <summary>The system calls on a directory's files that .NET lacks, named as in section 2 of the manual. Names are relative to the directory.</summary>
internal static unsafe partial class Libc
{
    internal const int O_RDONLY = 0;
    internal const int O_WRONLY = 1;
    internal const int O_RDWR = 2;
    internal const int O_CREAT = 0x40;
    internal const int O_EXCL = 0x80;
    internal const int O_TRUNC = 0x200;
    internal const int LOCK_EX = 2;
    internal const int W_OK = 2;
    internal const int X_OK = 1;
    internal const int EPERM = 1, ENOENT = 2, EINTR = 4, EIO = 5, EEXIST = 17, EXDEV = 18, ENOTDIR = 20, EISDIR = 21, EINVAL = 22, ENOSYS = 38, EOPNOTSUPP = 95;

    private const int O_CLOEXEC = 0x80000;
    private const int AT_FDCWD = -100;
    private const int AT_EMPTY_PATH = 0x1000;
    private const int AT_SYMLINK_NOFOLLOW = 0x100;
    private const int AT_SYMLINK_FOLLOW = 0x400;
    private const int STATX_INO = 0x100, STATX_SIZE = 0x200, STATX_MTIME = 0x40;
    private const int CLOCK_REALTIME = 0, CLOCK_REALTIME_COARSE = 5;

    // asm/fcntl.h: these two differ between x86 and arm64.
    internal static int O_DIRECTORY => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x4000 : 0x10000;

    private static int O_NOFOLLOW => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;

    private static int O_TMPFILE => 0x400000 | O_DIRECTORY;

    /// <summary>The parts of a statx(2) answer that identify a directory and its state.</summary>
    internal readonly record struct FileState(ulong Device, ulong Inode, long Size, Timestamp Modified);

    [StructLayout(LayoutKind.Sequential)]
    internal readonly record struct Timestamp(long Seconds, long Nanoseconds);

    internal static int LastError => Marshal.GetLastPInvokeError();

    internal static IOException Failure(string what, int error) => new($"{what}: {Marshal.GetPInvokeErrorMessage(error)}", error);

    /// <summary>Null and <see cref="LastError"/> on failure.</summary>
    internal static SafeFileHandle? OpenDirectory(string path) => Handle(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0));

    /// <summary>0, also when it exists already, or the error.</summary>
    internal static int MakeDirectory(string path, uint mode) => mkdir(path, mode) == 0 || LastError == EEXIST ? 0 : LastError;

    /// <summary>Null and <see cref="LastError"/> on failure. Does not follow a symbolic link.</summary>
    internal static SafeFileHandle? Open(SafeFileHandle directory, ReadOnlySpan<byte> name, int flags, uint mode = 0)
    {
        fixed (byte* text = name)
            return Handle(openat(directory, text, flags | O_NOFOLLOW | O_CLOEXEC, mode));
    }

    /// <summary>A new file of <paramref name="directory"/> that has no name yet: a crash leaves nothing of it.</summary>
    internal static SafeFileHandle? OpenUnnamed(SafeFileHandle directory, uint mode)
    {
        fixed (byte* self = ".\0"u8)
            return Handle(openat(directory, self, O_WRONLY | O_TMPFILE | O_CLOEXEC, mode));
    }

    /// <summary>Gives a file from <see cref="OpenUnnamed"/> its name. 0, or the error; EEXIST when the name is taken.</summary>
    internal static int Link(SafeFileHandle file, SafeFileHandle directory, ReadOnlySpan<byte> name)
    {
        // By way of /proc as in open(2): AT_EMPTY_PATH would need CAP_DAC_READ_SEARCH before Linux 6.10.
        Span<byte> path = stackalloc byte[32];
        "/proc/self/fd/"u8.CopyTo(path);
        ((int)file.DangerousGetHandle()).TryFormat(path[14..], out int digits);
        path[14 + digits] = 0;
        fixed (byte* from = path, to = name)
            return linkat(AT_FDCWD, from, directory, to, AT_SYMLINK_FOLLOW) == 0 ? 0 : LastError;
    }

    internal static int Unlink(SafeFileHandle directory, ReadOnlySpan<byte> name)
    {
        fixed (byte* text = name)
            return unlinkat(directory, text, 0) == 0 ? 0 : LastError;
    }

    /// <summary>Both names are of the same directory; an existing <paramref name="to"/> is replaced. 0 or the error.</summary>
    internal static int Rename(SafeFileHandle directory, ReadOnlySpan<byte> from, ReadOnlySpan<byte> to)
    {
        fixed (byte* old = from, @new = to)
            return renameat(directory, old, directory, @new) == 0 ? 0 : LastError;
    }

    /// <summary>
    /// Reads a whole file into <paramref name="buffer"/>, which grows as needed. Returns the length, or -1 and <see cref="LastError"/>.
    /// One open, one read, one close: this runs once for each of fifty thousand files.
    /// </summary>
    internal static int ReadFile(SafeFileHandle directory, scoped ReadOnlySpan<byte> name, ref byte[] buffer)
    {
        int fd;
        fixed (byte* text = name)
            fd = openat(directory, text, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
        if (fd < 0)
            return -1;
        int length = 0, error = 0;
        while (true)
        {
            nint got;
            fixed (byte* at = buffer)
                got = read(fd, at + length, (nuint)(buffer.Length - length));
            if (got < 0 && (error = LastError) == EINTR)
                continue;
            if (got < 0)
                length = -1;
            else
                length += (int)got;
            if (length < buffer.Length)
                break; // an ordinary file gives less than was asked for only at its end
            Array.Resize(ref buffer, buffer.Length * 2);
        }
        _ = close(fd);
        if (length < 0)
            Marshal.SetLastPInvokeError(error);
        return length;
    }

    /// <summary>Writes all of <paramref name="content"/> at <paramref name="offset"/>. 0 or the error.</summary>
    internal static int Write(SafeFileHandle file, ReadOnlySpan<byte> content, long offset = 0)
    {
        while (content.Length > 0)
        {
            nint written;
            fixed (byte* at = content)
                written = pwrite(file, at, (nuint)content.Length, offset);
            if (written < 0 && LastError == EINTR)
                continue;
            if (written <= 0)
                return written < 0 ? LastError : EIO;
            content = content[(int)written..];
            offset += written;
        }
        return 0;
    }

    /// <summary>Reads at <paramref name="offset"/> until the span is full or the file ends; the number of bytes, or -1.</summary>
    internal static int Read(SafeFileHandle file, Span<byte> destination, long offset)
    {
        int total = 0;
        while (total < destination.Length)
        {
            nint got;
            fixed (byte* at = destination)
                got = pread(file, at + total, (nuint)(destination.Length - total), offset + total);
            if (got < 0 && LastError == EINTR)
                continue;
            if (got < 0)
                return -1;
            if (got == 0)
                break;
            total += (int)got;
        }
        return total;
    }

    internal static int Truncate(SafeFileHandle file, long length) => ftruncate(file, length) == 0 ? 0 : LastError;

    /// <summary>flock(2): waits for the exclusive lock. 0 or the error.</summary>
    internal static int Lock(SafeFileHandle file)
    {
        int result;
        while ((result = flock(file, LOCK_EX)) < 0 && LastError == EINTR)
        {
        }
        return result == 0 ? 0 : LastError;
    }

    /// <summary>Of an entry, or with an empty name of the directory itself. Null and <see cref="LastError"/> on failure.</summary>
    internal static FileState? Stat(SafeFileHandle directory, ReadOnlySpan<byte> name)
    {
        byte* answer = stackalloc byte[256];
        int result;
        fixed (byte* text = name.IsEmpty ? "\0"u8 : name)
            result = statx(directory, text, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_SIZE | STATX_MTIME, answer);
        if (result < 0)
            return null;
        var s = new ReadOnlySpan<byte>(answer, 256); // statx(2); in the machine's byte order, which is little-endian on every target
        return new FileState(
            (ulong)BinaryPrimitives.ReadUInt32LittleEndian(s[136..]) << 32 | BinaryPrimitives.ReadUInt32LittleEndian(s[140..]),
            BinaryPrimitives.ReadUInt64LittleEndian(s[32..]),
            BinaryPrimitives.ReadInt64LittleEndian(s[40..]),
            new Timestamp(BinaryPrimitives.ReadInt64LittleEndian(s[112..]), BinaryPrimitives.ReadUInt32LittleEndian(s[120..])));
    }

    /// <summary>
    /// The present time, to the nanosecond, and never one that the kernel itself would write: file times come from the coarse clock, which moves in ticks.
    /// </summary>
    internal static Timestamp PreciseTime()
    {
        Timestamp now, coarse;
        if (clock_gettime(CLOCK_REALTIME, &now) < 0 || clock_gettime(CLOCK_REALTIME_COARSE, &coarse) < 0)
            throw Failure("clock_gettime", LastError);
        return now == coarse ? now with { Nanoseconds = now.Nanoseconds ^ 1 } : now;
    }

    internal static int SetModified(SafeFileHandle directory, Timestamp time)
    {
        Timestamp* times = stackalloc Timestamp[2];
        times[0] = new Timestamp(0, UtimeOmit);
        times[1] = time;
        return futimens(directory, times) == 0 ? 0 : LastError;
    }

    /// <summary>0 when the present user may do what <paramref name="mode"/> says, else the error; EROFS on a read-only file system, also for root.</summary>
    internal static int Access(string path, int mode) => access(path, mode) == 0 ? 0 : LastError;

    /// <summary>Calls <paramref name="visit"/> with each name, followed by its terminating zero, but not with "." and "..". 0 or the error.</summary>
    internal static int List(SafeFileHandle directory, NameVisitor visit)
    {
        // A descriptor of its own: the position of a directory belongs to the open file.
        using var entries = Open(directory, ".\0"u8, O_RDONLY | O_DIRECTORY);
        if (entries is null)
            return LastError;
        var buffer = GC.AllocateUninitializedArray<byte>(64 * 1024);
        while (true)
        {
            nint length;
            fixed (byte* at = buffer)
                length = getdents64(entries, at, (nuint)buffer.Length);
            if (length <= 0)
                return length == 0 ? 0 : LastError;
            // getdents(2): u64 inode, s64 offset, u16 record length, u8 type, name
            for (int at = 0; at < length;)
            {
                var record = buffer.AsSpan(at);
                int recordLength = BinaryPrimitives.ReadUInt16LittleEndian(record[16..]);
                var name = record[19..recordLength];
                name = name[..(name.IndexOf((byte)0) + 1)];
                if (!name.SequenceEqual(".\0"u8) && !name.SequenceEqual("..\0"u8))
                    visit(name);
                at += recordLength;
            }
        }
    }

    internal delegate void NameVisitor(ReadOnlySpan<byte> name);

    internal static string Text(ReadOnlySpan<byte> name) => Encoding.UTF8.GetString(name.TrimEnd((byte)0));

    private const long UtimeOmit = (1L << 30) - 2;

    private static SafeFileHandle? Handle(int fd) => fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, uint mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int mkdir(string path, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int openat(SafeFileHandle directory, byte* path, int flags, uint mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int linkat(int fromDirectory, byte* from, SafeFileHandle toDirectory, byte* to, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int unlinkat(SafeFileHandle directory, byte* path, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int renameat(SafeFileHandle fromDirectory, byte* from, SafeFileHandle toDirectory, byte* to);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint read(int fd, byte* buffer, nuint length);

    [LibraryImport("libc")]
    private static partial int close(int fd);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint pwrite(SafeFileHandle fd, byte* buffer, nuint length, long offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint pread(SafeFileHandle fd, byte* buffer, nuint length, long offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ftruncate(SafeFileHandle fd, long length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(SafeFileHandle fd, int operation);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int statx(SafeFileHandle directory, byte* path, int flags, uint mask, byte* answer);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int clock_gettime(int clock, Timestamp* time);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int futimens(SafeFileHandle fd, Timestamp* times);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int access(string path, int mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint getdents64(SafeFileHandle directory, byte* buffer, nuint length);
}
