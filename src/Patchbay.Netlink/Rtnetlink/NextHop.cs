using System.Net;
using System.Runtime.InteropServices;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>One way of a multipath route (struct rtnexthop, include/uapi/linux/rtnetlink.h).</summary>
/// <param name="Link">Index of the link; 0 when the kernel is to find it by the gateway.</param>
/// <param name="Gateway">The next hop; null when the destination is on the link.</param>
/// <param name="Weight">Its share, 1 to 256.</param>
public readonly record struct NextHop(int Link, IPAddress? Gateway, int Weight = 1)
{
    internal const ushort RTA_GATEWAY = 5;
    internal const ushort RTA_VIA = 18;
    private const int HeaderLength = 8;

    internal static IReadOnlyList<NextHop> Decode(ReadOnlySpan<byte> list)
    {
        var hops = new List<NextHop>();
        while (list.Length >= HeaderLength)
        {
            int length = MemoryMarshal.Read<ushort>(list);
            if (length < HeaderLength || length > list.Length)
                throw new NetlinkException("read route", $"malformed message: a next hop claims {length} bytes where {list.Length} are left");
            IPAddress? gateway = null;
            var attributes = new AttributeReader(list[HeaderLength..length]);
            while (attributes.Next())
            {
                switch (attributes.Type)
                {
                    case RTA_GATEWAY: gateway = attributes.Address(); break;
                    case RTA_VIA: gateway = Via(attributes.Payload); break;
                }
            }

            attributes.ThrowIfMalformed("route");
            hops.Add(new NextHop(MemoryMarshal.Read<int>(list[4..]), gateway, list[3] + 1));
            list = list[Math.Min((length + 3) & ~3, list.Length)..];
        }

        return hops;
    }

    // ip route add PREFIX nexthop via GATEWAY dev LINK weight N nexthop …
    internal static void Write(MessageWriter writer, ushort attribute, AddressFamily family, IReadOnlyList<NextHop> hops)
    {
        using (writer.Enclosed(attribute))
        {
            foreach (var hop in hops)
            {
                if (hop.Weight is < 1 or > 256)
                    throw new ArgumentException($"next hop {hop.Gateway} has weight {hop.Weight}; 1 to 256 are possible", nameof(hops));
                // All that follows the header comes in multiples of four bytes, so the length is known before it is written.
                var gateway = hop.Gateway is null ? 0
                    : RouteSocket.FamilyOf(hop.Gateway) is var its && its != family ? (its == AddressFamily.IPv6 ? 24 : 12)
                    : its == AddressFamily.IPv6 ? 20 : 8;
                writer.Fixed(new Header { Length = (ushort)(HeaderLength + gateway), Hops = (byte)(hop.Weight - 1), Link = hop.Link });
                if (hop.Gateway is not null)
                    WriteGateway(writer, family, hop.Gateway);
            }
        }
    }

    /// <summary>Writes RTA_GATEWAY, or RTA_VIA (struct rtvia: family, then address) for a gateway of the other family.</summary>
    internal static void WriteGateway(MessageWriter writer, AddressFamily family, IPAddress gateway)
    {
        var own = RouteSocket.FamilyOf(gateway);
        if (own == family)
        {
            writer.Address(RTA_GATEWAY, gateway);
            return;
        }

        Span<byte> via = stackalloc byte[18];
        MemoryMarshal.Write(via, (ushort)own);
        gateway.TryWriteBytes(via[2..], out var count);
        writer.Bytes(RTA_VIA, via[..(2 + count)]);
    }

    internal static IPAddress Via(ReadOnlySpan<byte> payload) =>
        payload.Length is 6 or 18
            ? new IPAddress(payload[2..])
            : throw new NetlinkException("read route", $"malformed message: a gateway of another family has {payload.Length} bytes");

    [StructLayout(LayoutKind.Sequential)]
    private struct Header
    {
        internal ushort Length;
        internal byte Flags;
        internal byte Hops;
        internal int Link;
    }
}
