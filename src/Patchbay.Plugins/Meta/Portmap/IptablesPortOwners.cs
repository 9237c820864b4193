using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>Finds the container that has a port already, in the entries that iptables-nft(8) or the reference plugin made.</summary>
internal static class IptablesPortOwners
{
    private const int MultiportLength = 48; // struct xt_multiport_v1, include/uapi/linux/netfilter/xt_multiport.h

    /// <summary>Refuses ports that another container has.</summary>
    /// <exception cref="CniException">Code 7: it is named.</exception>
    internal static void RefuseTaken(NftablesSocket nft, bool ipv4, PortOwner owner, IReadOnlyList<PortMapping> mappings, IpPrefix address)
    {
        var family = IptablesOnNft.Family(ipv4);
        foreach (var entry in nft.ListRules(family, IptablesHostPorts.Table, IptablesHostPorts.Dnat))
        {
            if (IptablesOnNft.JumpTarget(entry) is not { } chain || chain == owner.Chain || Ports(entry) is not { } ports)
                continue;
            List<NftRule>? rules = null;
            foreach (var mapping in mappings)
            {
                if (ports.Protocol != (byte)mapping.Protocol || !ports.All.Contains(mapping.HostPort))
                    continue;
                rules ??= [.. nft.ListRules(family, IptablesHostPorts.Table, chain)];
                // A rule of the former holder of the container's own address is a dead one's.
                if (!rules.Exists(rule => IsFor(rule, mapping, ipv4)) || rules.Exists(rule => LeadsTo(rule, address)))
                    continue;
                // On another network the container may have it as well: the entry that comes first counts, until it goes.
                if (Owner(entry) is var other && other != PortOwner.ContainerOf(owner.ChainComment))
                    throw PortOwner.Taken(mapping, ipv4, other);
            }
        }
    }

    private static (byte Protocol, HashSet<ushort> All)? Ports(NftRule entry)
    {
        byte protocol = 0;
        HashSet<ushort>? ports = null;
        foreach (var expression in entry.Expressions)
        {
            if (expression is NftCompare { Value.Length: 1 } compare)
                protocol = compare.Value.Span[0];
            if (expression is not NftUnknown { Kind: "match" } match || match.Data.Span.IndexOf("multiport\0"u8) < 0 || match.Data.Length < MultiportLength)
                continue;
            // flags, count, 15 ports in the machine's order; the information comes last in the expression.
            var info = match.Data.Span[^MultiportLength..];
            ports = [];
            for (var i = 0; i < Math.Min((int)info[1], 15); i++)
                ports.Add(MemoryMarshal.Read<ushort>(info[(2 + (2 * i))..]));
        }

        return ports is null ? null : (protocol, ports);
    }

    private static string Owner(NftRule entry)
    {
        foreach (var expression in entry.Expressions)
        {
            if (expression is not NftUnknown { Kind: "match" } match || match.Data.Span.IndexOf("dnat name: \""u8) is not (>= 0 and var start))
                continue;
            var text = match.Data.Span[start..];
            var end = text.IndexOf((byte)0);
            return PortOwner.ContainerOf(Encoding.UTF8.GetString(end < 0 ? text : text[..end]));
        }

        return "unknown";
    }

    // The rule that translates: for this port, and for this address of the host or any.
    private static bool IsFor(NftRule rule, PortMapping mapping, bool ipv4)
    {
        bool translates = false, port = false, elsewhere = false;
        foreach (var expression in rule.Expressions)
        {
            switch (expression)
            {
                case NftUnknown { Kind: "target" } target:
                    translates = target.Data.Span.IndexOf("DNAT\0"u8) >= 0;
                    break;
                case NftUnknown { Kind: "match" } match:
                    port |= HasPort(match.Data.Span, mapping.HostPort);
                    break;
                case NftCompare { Value.Length: 2 } compare:
                    port |= BinaryPrimitives.ReadUInt16BigEndian(compare.Value.Span) == mapping.HostPort;
                    break;
                case NftCompare compare when compare.Value.Length == (ipv4 ? 4 : 16):
                    elsewhere |= mapping.HostIp is { } ip && !compare.Value.Span.SequenceEqual(ip.GetAddressBytes());
                    break;
            }
        }

        return translates && port && !elsewhere;
    }

    // struct xt_tcp and xt_udp: two source ports, two destination ports, in the machine's order.
    private static bool HasPort(ReadOnlySpan<byte> match, ushort port)
    {
        const int DestinationOffset = 4;
        foreach (var (name, length) in (ReadOnlySpan<(string, int)>)[("tcp", 12), ("udp", 10), ("sctp", 72), ("dccp", 16)])
        {
            var aligned = (length + 3) & ~3;
            if (match.IndexOf(Encoding.ASCII.GetBytes(name + "\0")) >= 0 && match.Length >= aligned)
                return MemoryMarshal.Read<ushort>(match[^aligned..][DestinationOffset..]) == port;
        }

        return false;
    }

    private static bool LeadsTo(NftRule rule, IpPrefix address)
    {
        foreach (var expression in rule.Expressions)
        {
            if (expression is NftUnknown { Kind: "target" } target && target.Data.Span.IndexOf(address.Address.GetAddressBytes()) >= 0)
                return true;
        }

        return false;
    }
}
