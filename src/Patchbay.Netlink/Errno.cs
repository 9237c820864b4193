using System.Runtime.InteropServices;

namespace Patchbay.Netlink;

/// <summary>Error numbers of the kernel that callers of this library tell apart (errno(3), x86-64 and arm64 values).</summary>
public enum Errno
{
    /// <summary>No error.</summary>
    None = 0,

    /// <summary>EPERM: the caller lacks CAP_NET_ADMIN in this namespace.</summary>
    NotPermitted = 1,

    /// <summary>ENOENT: the object does not exist.</summary>
    NotFound = 2,

    /// <summary>ESRCH: no such route.</summary>
    NoSuchRoute = 3,

    /// <summary>EINTR: interrupted by a signal; the library repeats such calls itself.</summary>
    Interrupted = 4,

    /// <summary>ENXIO: no such device or address.</summary>
    NoSuchDeviceOrAddress = 6,

    /// <summary>EAGAIN: try again.</summary>
    TryAgain = 11,

    /// <summary>EACCES: permission denied.</summary>
    AccessDenied = 13,

    /// <summary>EBUSY: the object is in use.</summary>
    Busy = 16,

    /// <summary>EEXIST: the object exists already.</summary>
    Exists = 17,

    /// <summary>ENODEV: no such device.</summary>
    NoDevice = 19,

    /// <summary>ENOTDIR: not a directory.</summary>
    NotDirectory = 20,

    /// <summary>EINVAL: an argument that the kernel refuses.</summary>
    Invalid = 22,

    /// <summary>ENOSPC: no room left.</summary>
    NoSpace = 28,

    /// <summary>EROFS: read-only file system.</summary>
    ReadOnlyFileSystem = 30,

    /// <summary>ERANGE: out of range.</summary>
    Range = 34,

    /// <summary>ERESTART: the state has changed since it was read; read it again.</summary>
    Restart = 85,

    /// <summary>EMSGSIZE: more than the socket's send buffer takes at once.</summary>
    MessageTooLong = 90,

    /// <summary>EPROTONOSUPPORT: the kernel has no such netlink protocol.</summary>
    ProtocolNotSupported = 93,

    /// <summary>EOPNOTSUPP: the kernel lacks this kind of object or operation.</summary>
    NotSupported = 95,

    /// <summary>EAFNOSUPPORT: the kernel lacks this address family.</summary>
    AddressFamilyNotSupported = 97,

    /// <summary>EADDRNOTAVAIL: no such address.</summary>
    AddressNotAvailable = 99,

    /// <summary>ENETUNREACH: the gateway is not reachable.</summary>
    NetworkUnreachable = 101,

    /// <summary>ENOBUFS: the socket's receive buffer overflowed and messages were lost.</summary>
    NoBuffers = 105,
}

/// <summary>Texts for <see cref="Errno"/>.</summary>
public static class ErrnoText
{
    /// <summary>The C library's text, as users know it from other tools: <c>File exists</c>.</summary>
    /// <param name="error">The error number.</param>
    /// <returns>The text of strerror(3).</returns>
    public static string Describe(this Errno error) => Marshal.GetPInvokeErrorMessage((int)error);

    /// <summary>The errors by which the families say that the object of a request is not there.</summary>
    internal static bool SaysMissing(this Errno error) =>
        error is Errno.NotFound or Errno.NoDevice or Errno.NoSuchRoute or Errno.AddressNotAvailable or Errno.NoSuchDeviceOrAddress;
}
