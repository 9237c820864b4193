using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Patchbay.Netlink.Interop;

namespace Patchbay.Netlink;

/// <summary>Makes tap devices, which rtnetlink cannot: a file of <c>/dev/net/tun</c> that exchanges Ethernet frames (Documentation/networking/tuntap.rst).</summary>
public static class TapDevice
{
    /// <summary>The file by which they are made and used.</summary>
    public const string DevicePath = "/dev/net/tun";

    // include/uapi/linux/if_tun.h: _IOW('T', 202 …, int)
    private const nuint TUNSETIFF = 0x400454ca;
    private const nuint TUNSETPERSIST = 0x400454cb;
    private const nuint TUNSETOWNER = 0x400454cc;
    private const nuint TUNSETGROUP = 0x400454ce;
    private const short IFF_TAP = 0x0002;
    private const short IFF_MULTI_QUEUE = 0x0100;
    private const short IFF_NO_PI = 0x1000;
    private const short IFF_VNET_HDR = 0x4000;
    private const ushort IFF_TUN_EXCL = 0x8000;
    private const int NameLength = 16; // IFNAMSIZ

    /// <summary>Creates a device in the calling thread's namespace that stays until it is deleted: <c>ip tuntap add dev NAME mode tap</c>.</summary>
    /// <param name="settings">What it is to be.</param>
    /// <exception cref="ArgumentException">The name cannot be one.</exception>
    /// <exception cref="NetlinkException">The kernel refused; <see cref="Errno.Exists"/> when the name is taken.</exception>
    public static unsafe void Create(TapSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var operation = $"add tap device \"{settings.Name}\"";
        var length = Encoding.UTF8.GetByteCount(settings.Name);
        // The kernel would fill in a number for %d, and cut off what is too long.
        if (length is 0 or >= NameLength || settings.Name.AsSpan().ContainsAny('%', '\0', '/'))
            throw new ArgumentException($"{operation}: a name has 1 to 15 bytes, none of which is '%' or '/'");

        // The namespace of the device is that of the thread that opens the file (drivers/net/tun.c, tun_chr_open).
        using var file = Open();
        Span<byte> request = stackalloc byte[40]; // struct ifreq: the name, then the flags
        request.Clear();
        Encoding.UTF8.GetBytes(settings.Name, request);
        var flags = (ushort)(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL | (settings.VnetHeader ? IFF_VNET_HDR : 0) | (settings.MultiQueue ? IFF_MULTI_QUEUE : 0));
        if (BitConverter.IsLittleEndian)
            BinaryPrimitives.WriteUInt16LittleEndian(request[NameLength..], flags);
        else
            BinaryPrimitives.WriteUInt16BigEndian(request[NameLength..], flags);
        fixed (byte* ifreq = request)
        {
            if (Libc.ioctl(file, TUNSETIFF, (nint)ifreq) < 0)
                throw new NetlinkException(operation, Libc.LastError is Errno.Busy ? Errno.Exists : Libc.LastError);
        }

        // Until it is persistent, closing the file removes it: nothing is left behind by a failure here.
        if (settings.Owner is { } owner)
            Set(file, TUNSETOWNER, owner, $"{operation}: owner {owner}");
        if (settings.Group is { } group)
            Set(file, TUNSETGROUP, group, $"{operation}: group {group}");
        Set(file, TUNSETPERSIST, 1, operation);
    }

    /// <summary>Creates a device in another namespace.</summary>
    /// <param name="settings">What it is to be.</param>
    /// <param name="networkNamespace">Where.</param>
    /// <exception cref="ArgumentException">The name cannot be one.</exception>
    /// <exception cref="NetlinkException">The kernel refused; <see cref="Errno.Exists"/> when the name is taken.</exception>
    public static void Create(TapSettings settings, NetworkNamespace networkNamespace)
    {
        ArgumentNullException.ThrowIfNull(networkNamespace);
        networkNamespace.Run(() =>
        {
            Create(settings);
            return true;
        });
    }

    /// <summary>Tells whether devices can be made, without making one.</summary>
    /// <exception cref="NetlinkException">The file is missing, may not be opened, or the kernel has no driver for it.</exception>
    public static void RequireDriver() => Open().Dispose();

    private static SafeFileHandle Open()
    {
        var fd = Libc.openat(Libc.AT_FDCWD, DevicePath, Libc.O_RDWR | Libc.O_CLOEXEC, 0);
        return fd >= 0 ? new SafeFileHandle(fd, ownsHandle: true) : throw new NetlinkException($"open \"{DevicePath}\"", Libc.LastError);
    }

    private static void Set(SafeFileHandle file, nuint request, uint value, string operation)
    {
        if (Libc.ioctl(file, request, (nint)value) < 0)
            throw new NetlinkException(operation, Libc.LastError);
    }
}

/// <summary>What a new tap device is to be.</summary>
public sealed record TapSettings
{
    /// <summary>Its name, at most 15 bytes.</summary>
    public required string Name { get; init; }

    /// <summary>The user who may open it without CAP_NET_ADMIN; null for none.</summary>
    public uint? Owner { get; init; }

    /// <summary>The group that may open it without CAP_NET_ADMIN; null for none.</summary>
    public uint? Group { get; init; }

    /// <summary>Several may have it open, each with a queue of its own (IFF_MULTI_QUEUE); who opens it must ask for the same.</summary>
    public bool MultiQueue { get; init; }

    /// <summary>A struct virtio_net_hdr precedes each frame (IFF_VNET_HDR), until somebody opens it with other flags.</summary>
    public bool VnetHeader { get; init; } = true;
}
