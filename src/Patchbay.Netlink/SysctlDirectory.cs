using System.Text;
using Microsoft.Win32.SafeHandles;
using Patchbay.Netlink.Interop;

namespace Patchbay.Netlink;

/// <summary>The settings below <c>/proc/sys/net/ipv4</c> and <c>/proc/sys/net/ipv6</c> of one network namespace.</summary>
/// <remarks>
/// The kernel chooses the namespace when these directories are opened (fs/proc/proc_sysctl.c, sysctl_follow_link): paths below
/// an open one stay in that namespace whichever thread uses them, just as a socket does.
/// </remarks>
public sealed unsafe class SysctlDirectory : IDisposable
{
    private readonly SafeFileHandle? _ipv4;
    private readonly SafeFileHandle? _ipv6;

    private SysctlDirectory(SafeFileHandle? ipv4, SafeFileHandle? ipv6)
    {
        _ipv4 = ipv4;
        _ipv6 = ipv6;
    }

    /// <summary>True when the kernel has IPv6; without it nothing can be read or written below <c>net/ipv6</c>.</summary>
    public bool HasIPv6 => _ipv6 is not null;

    /// <summary>Opens the directories of the calling thread's namespace.</summary>
    /// <returns>The directories.</returns>
    /// <exception cref="NetlinkException">/proc/sys/net may not be opened.</exception>
    public static SysctlDirectory Open()
    {
        var ipv4 = OpenDirectory("/proc/sys/net/ipv4");
        try
        {
            return new SysctlDirectory(ipv4, OpenDirectory("/proc/sys/net/ipv6"));
        }
        catch
        {
            ipv4?.Dispose();
            throw;
        }
    }

    /// <summary>Opens the directories of another namespace.</summary>
    /// <param name="networkNamespace">Where.</param>
    /// <returns>The directories.</returns>
    /// <exception cref="NetlinkException">The namespace may not be entered, or /proc/sys/net may not be opened.</exception>
    public static SysctlDirectory Open(NetworkNamespace networkNamespace)
    {
        ArgumentNullException.ThrowIfNull(networkNamespace);
        return networkNamespace.Run(Open);
    }

    /// <summary>Reads a setting.</summary>
    /// <param name="path">Such as <c>ipv4/ip_forward</c> or <c>ipv6/conf/eth0/accept_dad</c>.</param>
    /// <returns>Its text without the final line break; null when there is no such setting.</returns>
    /// <exception cref="NetlinkException">It cannot be read.</exception>
    public string? Read(string path)
    {
        using var file = OpenFile(path, Libc.O_RDONLY);
        return file is null ? null : ReadAll(file, path);
    }

    /// <summary>Writes a setting.</summary>
    /// <param name="path">Such as <c>ipv4/ip_forward</c>.</param>
    /// <param name="value">The text.</param>
    /// <exception cref="NetlinkException">There is no such setting, or it cannot be written.</exception>
    public void Write(string path, string value)
    {
        if (!TryWrite(path, value))
            throw new NetlinkException($"write sysctl net/{path}", Errno.NotFound);
    }

    /// <summary>Writes a setting if the kernel has it.</summary>
    /// <param name="path">Such as <c>ipv6/conf/eth0/enhanced_dad</c>.</param>
    /// <param name="value">The text.</param>
    /// <returns>False when there is no such setting.</returns>
    /// <exception cref="NetlinkException">It cannot be written.</exception>
    public bool TryWrite(string path, string value)
    {
        using var file = OpenFile(path, Libc.O_WRONLY);
        if (file is null)
            return false;
        WriteAll(file, path, value);
        return true;
    }

    /// <summary>Writes a setting unless it has the value already, so that it need not be writable then (/proc/sys read-only).</summary>
    /// <param name="path">Such as <c>ipv4/ip_forward</c>.</param>
    /// <param name="value">The text.</param>
    /// <exception cref="NetlinkException">There is no such setting, or it cannot be written.</exception>
    public void Ensure(string path, string value)
    {
        if (Read(path) != value)
            Write(path, value);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ipv4?.Dispose();
        _ipv6?.Dispose();
    }

    internal static string ReadAll(SafeFileHandle file, string path)
    {
        Span<byte> buffer = stackalloc byte[4096];
        fixed (byte* bytes = buffer)
        {
            var count = Libc.read(file, bytes, (nuint)buffer.Length);
            return count < 0 ? throw Failed("read", path) : Encoding.UTF8.GetString(buffer[..(int)count]).TrimEnd('\n');
        }
    }

    internal static void WriteAll(SafeFileHandle file, string path, string value)
    {
        Span<byte> buffer = stackalloc byte[4096];
        var length = Encoding.UTF8.GetBytes(value, buffer);
        fixed (byte* bytes = buffer)
        {
            if (Libc.write(file, bytes, (nuint)length) < 0)
                throw Failed("write", path);
        }
    }

    private static SafeFileHandle? OpenDirectory(string path)
    {
        var fd = Libc.openat(Libc.AT_FDCWD, path, Libc.O_RDONLY | Libc.O_DIRECTORY | Libc.O_CLOEXEC, 0);
        if (fd >= 0)
            return new SafeFileHandle(fd, ownsHandle: true);
        return Libc.LastError == Errno.NotFound ? null : throw new NetlinkException($"open {path}", Libc.LastError);
    }

    private SafeFileHandle? OpenFile(string path, int flags)
    {
        ArgumentNullException.ThrowIfNull(path);
        var directory = path.StartsWith("ipv4/", StringComparison.Ordinal) ? _ipv4 : path.StartsWith("ipv6/", StringComparison.Ordinal) ? _ipv6
            : throw new ArgumentException($"not a setting of ipv4 or ipv6: \"{path}\"", nameof(path));
        if (!StaysInside(path))
            throw new ArgumentException($"not a path of a setting: \"{path}\"", nameof(path));
        if (directory is null)
            return null;
        var fd = Libc.openat(directory, path[5..], flags | Libc.O_CLOEXEC, 0);
        if (fd >= 0)
            return new SafeFileHandle(fd, ownsHandle: true);
        return Libc.LastError == Errno.NotFound ? null : throw Failed("open", path);
    }

    // Paths come from configurations. An empty step at the start would make the rest absolute, for which openat(2) forgets the directory.
    internal static bool StaysInside(string path)
    {
        foreach (var step in path.AsSpan().Split('/'))
        {
            if (path.AsSpan(step) is "" or "." or "..")
                return false;
        }

        return !path.Contains('\0', StringComparison.Ordinal);
    }

    internal static NetlinkException Failed(string verb, string path) => new($"{verb} sysctl net/{path}", Libc.LastError);
}
