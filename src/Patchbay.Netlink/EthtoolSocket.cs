using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Patchbay.Netlink.Interop;

namespace Patchbay.Netlink;

/// <summary>Switches what network devices do in the kernel's place, such as checksums: <c>ethtool -k</c> and <c>-K</c> (include/uapi/linux/ethtool.h).</summary>
/// <remarks>By ioctl on a socket, which stays in the namespace where it was opened, as a netlink socket does. Not for several threads at a time.</remarks>
public sealed unsafe class EthtoolSocket : IDisposable
{
    private const nuint SIOCETHTOOL = 0x8946;
    private const uint ETHTOOL_GSTRINGS = 0x1b;
    private const uint ETHTOOL_GSSET_INFO = 0x37;
    private const uint ETHTOOL_GFEATURES = 0x3a;
    private const uint ETHTOOL_SFEATURES = 0x3b;
    private const uint ETH_SS_FEATURES = 4;
    private const int ETH_GSTRING_LEN = 32;
    private const int ETHTOOL_F_UNSUPPORTED = 1;
    private const int ETHTOOL_F_WISH = 2;
    private const int NameLength = 16; // IFNAMSIZ

    // ethtool(8), -K: what its short names stand for
    private static readonly Dictionary<string, string> ShortNames = new(StringComparer.Ordinal)
    {
        ["rx"] = "rx-checksum",
        ["tx"] = "tx-checksum-*",
        ["sg"] = "tx-scatter-gather*",
        ["tso"] = "tx-tcp*-segmentation",
        ["gso"] = "tx-generic-segmentation",
        ["gro"] = "rx-gro",
        ["lro"] = "rx-lro",
        ["rxvlan"] = "rx-vlan-hw-parse",
        ["txvlan"] = "tx-vlan-hw-insert",
        ["ntuple"] = "rx-ntuple-filter",
        ["rxhash"] = "rx-hashing",
    };

    private readonly SafeFileHandle _socket;
    private string[]? _names;

    private EthtoolSocket(SafeFileHandle socket) => _socket = socket;

    /// <summary>Opens a socket in the calling thread's namespace.</summary>
    /// <returns>The socket.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static EthtoolSocket Open()
    {
        var fd = Libc.socket(Libc.AF_UNIX, Libc.SOCK_DGRAM | Libc.SOCK_CLOEXEC, 0);
        return fd >= 0 ? new EthtoolSocket(new SafeFileHandle(fd, ownsHandle: true)) : throw new NetlinkException("open a socket", Libc.LastError);
    }

    /// <summary>Opens a socket in another namespace.</summary>
    /// <param name="networkNamespace">Where.</param>
    /// <returns>The socket.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public static EthtoolSocket Open(NetworkNamespace networkNamespace)
    {
        ArgumentNullException.ThrowIfNull(networkNamespace);
        return networkNamespace.Run(Open);
    }

    /// <summary>The features of a device and whether they are active: <c>ethtool -k NAME</c>.</summary>
    /// <param name="link">The device's name.</param>
    /// <returns>The features by the kernel's name, <c>tx-checksum-ip-generic</c>, in the kernel's order.</returns>
    /// <exception cref="NetlinkException">There is no such device, or the kernel refused.</exception>
    public IReadOnlyList<DeviceFeature> GetFeatures(string link)
    {
        var operation = $"read the features of \"{link}\"";
        var names = _names ??= ReadNames(link, operation);
        var blocks = (names.Length + 31) / 32;
        // struct ethtool_gfeatures: four words for each 32 features: available, requested, active, never changed
        var words = new uint[2 + (4 * blocks)];
        words[0] = ETHTOOL_GFEATURES;
        words[1] = (uint)blocks;
        Call(link, words, operation);
        var features = new List<DeviceFeature>(names.Length);
        for (var i = 0; i < names.Length; i++)
        {
            var block = words.AsSpan(2 + (4 * (i / 32)), 4);
            var bit = 1u << (i % 32);
            if (names[i].Length > 0)
                features.Add(new DeviceFeature(names[i], (block[2] & bit) != 0, (block[1] & bit) != 0, (block[0] & bit) != 0 && (block[3] & bit) == 0, i));
        }

        return features;
    }

    /// <summary>Switches a feature on or off: <c>ethtool -K NAME tx off</c>. What cannot be changed and is as wished already is no error.</summary>
    /// <param name="link">The device's name.</param>
    /// <param name="feature">A short name of ethtool(8), <c>tx</c>, or the kernel's, in which a star stands for anything.</param>
    /// <param name="on">On or off.</param>
    /// <exception cref="NetlinkException">There is no such device or feature, or the device cannot change it.</exception>
    public void SetFeature(string link, string feature, bool on)
    {
        ArgumentNullException.ThrowIfNull(feature);
        var operation = $"switch {(on ? "on" : "off")} \"{feature}\" of \"{link}\"";
        var pattern = ShortNames.GetValueOrDefault(feature, feature);
        var meant = GetFeatures(link).Where(each => Matches(each.Name, pattern)).ToList();
        if (meant.Count == 0)
            throw new NetlinkException(operation, Errno.NotSupported, "the kernel knows no feature of that name");
        var changed = meant.Where(each => each.CanChange).ToList();
        if (changed.Count == 0)
        {
            if (meant.TrueForAll(each => each.Active == on))
                return;
            throw new NetlinkException(operation, Errno.NotSupported, "the device cannot change it");
        }

        // struct ethtool_sfeatures: two words for each 32 features: which, and what they are to be
        var blocks = (_names!.Length + 31) / 32;
        var words = new uint[2 + (2 * blocks)];
        words[0] = ETHTOOL_SFEATURES;
        words[1] = (uint)blocks;
        foreach (var each in changed)
        {
            var at = 2 + (2 * (each.Bit / 32));
            words[at] |= 1u << (each.Bit % 32);
            if (on)
                words[at + 1] |= 1u << (each.Bit % 32);
        }

        var outcome = Call(link, words, operation);
        if ((outcome & ETHTOOL_F_UNSUPPORTED) != 0)
            throw new NetlinkException(operation, Errno.NotSupported, "the device cannot change it");
        // WISH: of several, or with what depends on them, some could not follow. An error only if none did, as for ethtool(8).
        if ((outcome & ETHTOOL_F_WISH) != 0 && !GetFeatures(link).Any(each => Matches(each.Name, pattern) && each.CanChange && each.Active == on))
            throw new NetlinkException(operation, Errno.NotSupported, "another feature of the device prevents it");
    }

    /// <summary>Whether a feature is as <see cref="SetFeature"/> would leave it.</summary>
    /// <param name="features">What <see cref="GetFeatures"/> gave.</param>
    /// <param name="feature">A short name of ethtool(8), <c>tx</c>, or the kernel's, in which a star stands for anything.</param>
    /// <param name="on">On or off.</param>
    /// <returns>False also for one that the kernel does not know.</returns>
    public static bool IsAsWished(IReadOnlyList<DeviceFeature> features, string feature, bool on)
    {
        ArgumentNullException.ThrowIfNull(feature);
        var pattern = ShortNames.GetValueOrDefault(feature, feature);
        var meant = features.Where(each => Matches(each.Name, pattern)).ToList();
        var changed = meant.FindAll(each => each.CanChange);
        return meant.Count > 0 && (changed.Count > 0 ? changed.TrueForAll(each => each.Wanted == on) : meant.TrueForAll(each => each.Active == on));
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    // The names are the kernel's, the same for all devices; but a device must be named to ask for them.
    private string[] ReadNames(string link, string operation)
    {
        uint[] info = [ETHTOOL_GSSET_INFO, 0, 1u << (int)ETH_SS_FEATURES, 0, 0]; // struct ethtool_sset_info: a 64-bit mask, then the length of each set
        Call(link, info, operation);
        var count = (int)info[4];
        var words = new uint[3 + (count * ETH_GSTRING_LEN / 4)];
        (words[0], words[1], words[2]) = (ETHTOOL_GSTRINGS, ETH_SS_FEATURES, (uint)count);
        Call(link, words, operation);
        var text = MemoryMarshal.AsBytes(words.AsSpan(3));
        var names = new string[count];
        for (var i = 0; i < count; i++)
        {
            var name = text.Slice(i * ETH_GSTRING_LEN, ETH_GSTRING_LEN);
            names[i] = Encoding.ASCII.GetString(name[..Math.Max(0, name.IndexOf((byte)0))]);
        }

        return names;
    }

    private int Call(string link, uint[] command, string operation)
    {
        var length = Encoding.UTF8.GetByteCount(link);
        if (length is 0 or >= NameLength)
            throw new ArgumentException($"{operation}: a name has 1 to 15 bytes", nameof(link));
        Span<byte> request = stackalloc byte[40]; // struct ifreq: the name, then a pointer
        request.Clear();
        Encoding.UTF8.GetBytes(link, request);
        fixed (uint* data = command)
        {
            MemoryMarshal.Write(request[NameLength..], (nint)data);
            fixed (byte* ifreq = request)
            {
                var outcome = Libc.ioctl(_socket, SIOCETHTOOL, (nint)ifreq);
                return outcome >= 0 ? outcome : throw new NetlinkException(operation, Libc.LastError);
            }
        }
    }

    private static bool Matches(string name, string pattern) =>
        pattern.IndexOf('*', StringComparison.Ordinal) is >= 0 and var star
            ? name.Length >= pattern.Length - 1 && name.StartsWith(pattern[..star], StringComparison.Ordinal) && name.EndsWith(pattern[(star + 1)..], StringComparison.Ordinal)
            : name == pattern;
}

/// <summary>A feature of a network device.</summary>
/// <param name="Name">The kernel's name (net/ethtool/common.c, netdev_features_strings).</param>
/// <param name="Active">Whether it is on.</param>
/// <param name="Wanted">Whether it was asked to be on; it is not while another feature prevents it.</param>
/// <param name="CanChange">Whether it can be switched.</param>
/// <param name="Bit">Its number in the kernel's set.</param>
public readonly record struct DeviceFeature(string Name, bool Active, bool Wanted, bool CanChange, int Bit);
