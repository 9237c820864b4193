using System.Net;
using System.Runtime.InteropServices;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>One way of a multipath route (struct rtnexthop).</summary>
/// <param name="Link">Index of the link.</param>
/// <param name="Gateway">The next hop; null when the destination is on the link.</param>
/// <param name="Weight">Its share, from 1.</param>
public readonly record struct NextHop(int Link, IPAddress? Gateway, int Weight)
{
    private const ushort RTA_GATEWAY = 5;
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
                if (attributes.Type == RTA_GATEWAY)
                    gateway = attributes.Address();
            }

            attributes.ThrowIfMalformed("route");
            hops.Add(new NextHop(MemoryMarshal.Read<int>(list[4..]), gateway, list[3] + 1));
            list = list[Math.Min((length + 3) & ~3, list.Length)..];
        }

        return hops;
    }
}
