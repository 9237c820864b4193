using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Ipam.Dhcp.Protocol;

namespace Patchbay.Plugins.Ipam.Dhcp.Leases;

/// <summary>The sockets of one exchange, opened in the container's namespace and used from outside.</summary>
/// <remarks>They hold the namespace, so they are open only while something is asked: between renewals a lease costs neither descriptor nor packet filter.</remarks>
internal sealed unsafe class LeaseChannel : IDisposable
{
    private const ushort ETH_P_IP = 0x0800;
    private const int TP_STATUS_CSUMNOTREADY = 8; // include/uapi/linux/if_packet.h

    private readonly SafeFileHandle _packets;
    private readonly SafeFileHandle? _udp;

    private LeaseChannel(LeasePlace place, SafeFileHandle packets, SafeFileHandle? udp) => (Place, _packets, _udp) = (place, packets, udp);

    /// <summary>Where it is.</summary>
    internal LeasePlace Place { get; }

    /// <summary>For poll(2).</summary>
    internal SafeFileHandle Handle => _packets;

    /// <summary>Opens the interface of a namespace.</summary>
    /// <param name="netns">CNI_NETNS.</param>
    /// <param name="prefix">What leads to that path here; empty as a rule.</param>
    /// <param name="ifName">The interface.</param>
    /// <param name="address">The lease's address, for messages to the server alone; 0 for none.</param>
    /// <param name="expected">Where it was before; another interface is refused.</param>
    /// <param name="setUp">Sets the interface up if it is down.</param>
    /// <param name="use">More to do inside, with the interface.</param>
    /// <exception cref="CniException">Namespace or interface is missing, another one, or not Ethernet; the text says which.</exception>
    internal static LeaseChannel Open(string netns, string prefix, string ifName, uint address = 0, LeasePlace? expected = null, bool setUp = false, Action<RouteSocket, Link>? use = null)
    {
        string path = prefix + netns;
        try
        {
            var identity = FileIdentity.Of(path) ?? throw new FileNotFoundException($"no network namespace at \"{path}\"", path);
            using var space = NetworkNamespace.Open(path);
            return space.Run(() =>
            {
                using var route = RouteSocket.Open();
                var link = route.FindLink(ifName) ?? throw NoLink(netns, ifName);
                var place = new LeasePlace
                {
                    NetnsPath = netns,
                    Device = identity.Device,
                    Inode = identity.Inode,
                    LinkIndex = link.Index,
                    Hardware = link.Address is { } mac && !link.Flags.HasFlag(LinkFlags.Loopback)
                        ? mac : throw new CniException(CniError.InvalidNetworkConfig, $"dhcp: interface \"{ifName}\" in {netns} has no Ethernet address"),
                };
                if (expected is not null && !expected.IsSame(place))
                    throw new CniException(CniError.UnknownContainer, $"dhcp: interface \"{ifName}\" in {netns} is not the one that the lease was given to ({expected.Hardware})");
                if (setUp && !link.IsUp)
                {
                    var batch = new NetlinkBatch();
                    batch.SetLink(link.Index, new LinkSettings { Up = true });
                    route.Execute(batch);
                }

                use?.Invoke(route, link);
                var packets = OpenPackets(link);
                try
                {
                    return new LeaseChannel(place, packets, address == 0 ? null : TryOpenUdp(ifName, address));
                }
                catch
                {
                    packets.Dispose();
                    throw;
                }
            });
        }
        catch (FileNotFoundException error)
        {
            throw new CniException(CniError.UnknownContainer, $"dhcp: {error.Message}", inner: error);
        }
    }

    /// <summary>Sends to one Ethernet address, or to all with null.</summary>
    /// <exception cref="IOException">The interface is down or gone.</exception>
    internal void Send(DhcpMessage message, uint source, uint destination, MacAddress? to)
    {
        byte[] packet = UdpPacket.ToServer(source, destination, message.ToBytes());
        var address = new Libc.SockAddrLink
        {
            Family = Libc.AF_PACKET,
            Protocol = BinaryPrimitives.ReverseEndianness(ETH_P_IP),
            Index = Place.LinkIndex,
            AddressLength = 6,
        };
        (to ?? new MacAddress(0xffff_ffff_ffff)).CopyTo(new Span<byte>(address.Address, 6));
        fixed (byte* bytes = packet)
        {
            if (Libc.sendto(_packets, bytes, (nuint)packet.Length, Libc.MSG_DONTWAIT, &address, (uint)sizeof(Libc.SockAddrLink)) < 0)
                throw Libc.Failure("send a DHCP message");
        }
    }

    /// <summary>Sends to the server from the lease's address, by way of the container's own routes.</summary>
    /// <returns>False when the container has that address or a route no more.</returns>
    internal bool TrySendRouted(DhcpMessage message, uint server)
    {
        if (_udp is null)
            return false;
        byte[] payload = message.ToBytes();
        var address = Address(server, UdpPacket.ServerPort);
        fixed (byte* bytes = payload)
            return Libc.sendto(_udp, bytes, (nuint)payload.Length, Libc.MSG_DONTWAIT | Libc.MSG_NOSIGNAL, &address, (uint)sizeof(Libc.SockAddrIn)) >= 0;
    }

    /// <summary>Takes a message that has come.</summary>
    /// <param name="from">The Ethernet address of the sender.</param>
    /// <param name="more">True when a packet was there, whether it held a message or not.</param>
    /// <returns>The message, or null.</returns>
    internal DhcpMessage? Receive(out MacAddress from, out bool more)
    {
        byte* buffer = stackalloc byte[2048];
        byte* control = stackalloc byte[64];
        var sender = default(Libc.SockAddrLink);
        var vector = new Libc.Vector { Base = buffer, Length = 2048 };
        var header = new Libc.MessageHeader
        {
            Name = &sender,
            NameLength = (uint)sizeof(Libc.SockAddrLink),
            Vectors = &vector,
            VectorCount = 1,
            Control = control,
            ControlLength = 64,
        };
        nint length = Libc.recvmsg(_packets, &header, Libc.MSG_DONTWAIT);
        from = default;
        more = length >= 0;
        if (length <= 0)
            return null;
        from = MacAddress.FromBytes(new ReadOnlySpan<byte>(sender.Address, 6));
        var payload = UdpPacket.FromServer(new ReadOnlySpan<byte>(buffer, (int)length), !ChecksumIsMissing(new ReadOnlySpan<byte>(control, (int)header.ControlLength)));
        return payload.IsEmpty ? null : DhcpMessage.TryParse(payload);
    }

    /// <summary>Closes it. The daemon, who serves all leases by one thread, has no time for what closing a packet socket takes (net/packet/af_packet.c, packet_release).</summary>
    public void Dispose()
    {
        BackgroundClose.Close(_packets);
        _udp?.Dispose();
    }

    // struct cmsghdr { size_t len; int level; int type; }, then struct tpacket_auxdata, whose first word is the status.
    private static bool ChecksumIsMissing(ReadOnlySpan<byte> control) =>
        control.Length >= 20 && MemoryMarshal.Read<int>(control[8..]) == Libc.SOL_PACKET && MemoryMarshal.Read<int>(control[12..]) == Libc.PACKET_AUXDATA
        && (MemoryMarshal.Read<int>(control[16..]) & TP_STATUS_CSUMNOTREADY) != 0;

    private static CniException NoLink(string netns, string ifName) => new(
        CniError.InvalidNetworkConfig,
        $"dhcp: there is no interface \"{ifName}\" in {netns}: dhcp asks for an address through the interface, so the plugin that makes it must do so first "
        + "(bridge, macvlan, vlan and ipvlan do)");

    private static SafeFileHandle OpenPackets(Link link)
    {
        // Of no protocol until the filter is in place, so nothing slips in before it.
        var socket = Libc.Socket(Libc.AF_PACKET, Libc.SOCK_DGRAM | Libc.SOCK_NONBLOCK, 0, "open a packet socket");
        try
        {
            AttachFilter(socket);
            if (Libc.Option(socket, Libc.SOL_PACKET, Libc.PACKET_AUXDATA, 1) < 0)
                throw Libc.Failure("set up a packet socket");
            var address = new Libc.SockAddrLink { Family = Libc.AF_PACKET, Protocol = BinaryPrimitives.ReverseEndianness(ETH_P_IP), Index = link.Index };
            if (Libc.bind(socket, &address, (uint)sizeof(Libc.SockAddrLink)) < 0)
                throw Libc.Failure($"bind a packet socket to \"{link.Name}\"");
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    // bpf(4) of the socket kind: IPv4 UDP to port 68, no fragments. Code, jump if true, jump if false, operand; offsets from the IP header.
    private static void AttachFilter(SafeFileHandle socket)
    {
        ReadOnlySpan<ulong> program =
        [
            Instruction(0x30, 0, 0, 9),          // ldb [9]: protocol
            Instruction(0x15, 0, 6, 17),         // jeq UDP
            Instruction(0x28, 0, 0, 6),          // ldh [6]: fragment
            Instruction(0x45, 4, 0, 0x1fff),     // jset offset
            Instruction(0xb1, 0, 0, 0),          // ldxb 4*([0]&0xf): length of the header
            Instruction(0x48, 0, 0, 2),          // ldh [x+2]: destination port
            Instruction(0x15, 0, 1, UdpPacket.ClientPort),
            Instruction(0x06, 0, 0, 0x40000),    // ret all of it
            Instruction(0x06, 0, 0, 0),          // ret nothing
        ];
        fixed (ulong* instructions = program)
        {
            // struct sock_fprog { unsigned short len; struct sock_filter *filter; }
            ulong* filter = stackalloc ulong[2];
            filter[0] = (ulong)program.Length;
            filter[1] = (ulong)instructions;
            if (Libc.setsockopt(socket, Libc.SOL_SOCKET, Libc.SO_ATTACH_FILTER, filter, 16) < 0)
                throw Libc.Failure("attach a filter to a packet socket");
        }
    }

    // struct sock_filter { u16 code; u8 jt; u8 jf; u32 k; }, little-endian on every target
    private static ulong Instruction(ushort code, byte ifTrue, byte ifFalse, uint operand) => code | (ulong)ifTrue << 16 | (ulong)ifFalse << 24 | (ulong)operand << 32;

    // Answers are read from the packet socket; this one sends, and keeps the kernel from answering them with "port unreachable".
    private static SafeFileHandle? TryOpenUdp(string ifName, uint source)
    {
        var socket = Libc.Socket(Libc.AF_INET, Libc.SOCK_DGRAM | Libc.SOCK_NONBLOCK, 0, "open a UDP socket");
        var address = Address(source, UdpPacket.ClientPort);
        byte[] name = Encoding.UTF8.GetBytes(ifName + '\0');
        fixed (byte* device = name)
        {
            if (Libc.Option(socket, Libc.SOL_SOCKET, Libc.SO_REUSEADDR, 1) == 0
                && Libc.setsockopt(socket, Libc.SOL_SOCKET, Libc.SO_BINDTODEVICE, device, (uint)name.Length) == 0
                && Libc.bind(socket, &address, (uint)sizeof(Libc.SockAddrIn)) == 0)
                return socket;
        }

        socket.Dispose();
        return null; // the container has taken the address away, or has a client of its own
    }

    private static Libc.SockAddrIn Address(uint address, ushort port) => new()
    {
        Family = Libc.AF_INET,
        Port = BinaryPrimitives.ReverseEndianness(port),
        Address = BinaryPrimitives.ReverseEndianness(address),
    };
}
