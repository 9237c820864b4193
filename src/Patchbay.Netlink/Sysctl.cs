using Microsoft.Win32.SafeHandles;
using Patchbay.Netlink.Interop;

namespace Patchbay.Netlink;

/// <summary>All settings below <c>/proc/sys/net</c>, of the calling thread's network namespace; for use inside <see cref="NetworkNamespace.Run{T}"/>.</summary>
/// <remarks>
/// <see cref="SysctlDirectory"/> keeps the settings of <c>ipv4</c> and <c>ipv6</c> open for any thread. Others, such as <c>core/somaxconn</c>, <c>netfilter/…</c>
/// and <c>nf_conntrack_max</c>, are looked up anew each time, in the namespace of the thread that asks.
/// </remarks>
public static class Sysctl
{
    /// <summary>Reads a setting.</summary>
    /// <param name="path">Such as <c>core/somaxconn</c>.</param>
    /// <returns>Its text without the final line break; null when there is no such setting.</returns>
    /// <exception cref="NetlinkException">It cannot be read.</exception>
    /// <exception cref="ArgumentException">The path is not one below <c>/proc/sys/net</c>.</exception>
    public static string? Read(string path)
    {
        using var file = Open(path, Libc.O_RDONLY);
        return file is null ? null : SysctlDirectory.ReadAll(file, path);
    }

    /// <summary>Writes a setting if the kernel has it.</summary>
    /// <param name="path">Such as <c>core/somaxconn</c>.</param>
    /// <param name="value">The text.</param>
    /// <returns>False when there is no such setting.</returns>
    /// <exception cref="NetlinkException">It cannot be written.</exception>
    /// <exception cref="ArgumentException">The path is not one below <c>/proc/sys/net</c>, or the text is longer than a setting can be.</exception>
    public static bool TryWrite(string path, string value)
    {
        using var file = Open(path, Libc.O_WRONLY);
        if (file is null)
            return false;
        SysctlDirectory.WriteAll(file, path, value);
        return true;
    }

    private static SafeFileHandle? Open(string path, int flags)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!SysctlDirectory.StaysInside(path))
            throw new ArgumentException($"not a path of a setting: \"{path}\"", nameof(path));
        var fd = Libc.openat(Libc.AT_FDCWD, $"/proc/sys/net/{path}", flags | Libc.O_CLOEXEC, 0);
        if (fd >= 0)
            return new SafeFileHandle(fd, ownsHandle: true);
        return Libc.LastError is Errno.NotFound or Errno.NotDirectory ? null : throw SysctlDirectory.Failed("open", path);
    }
}
