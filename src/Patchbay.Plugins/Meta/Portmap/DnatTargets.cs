using System.Net;
using Patchbay.Netlink.Codec;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>Where the rules of a container's chain lead: to it. A DEL without prevResult learns from them whose connections to end.</summary>
internal static class DnatTargets
{
    private const string Option = "--to-destination";

    // include/uapi/linux/netfilter/nf_tables.h, nft_target_attributes
    private const int NFTA_TARGET_NAME = 1;
    private const int NFTA_TARGET_INFO = 3;

    // The address follows a word of four bytes: struct nf_nat_ipv4_multi_range_compat has two such words (xt_DNAT, IPv4, revision 0),
    // struct nf_nat_range2 one, and takes 16 bytes for an address (IPv6, and IPv4 from revision 2 on); include/uapi/linux/netfilter/nf_nat.h.
    private const int CompatLength = 20;
    private const int CompatAddress = 8;
    private const int RangeAddress = 4;

    /// <summary>The address in a rule that iptables-nft(8) made; null when it translates nothing.</summary>
    internal static IPAddress? Of(NftRule rule, bool ipv4)
    {
        foreach (var expression in rule.Expressions)
        {
            if (expression is NftUnknown { Kind: "target" } target && Read(target.Data.Span, ipv4) is { } address)
                return address;
        }

        return null;
    }

    /// <summary>The address in a line of iptables-save(8): after --to-destination, with a port, IPv6 in brackets. Null when it translates nothing.</summary>
    internal static IPAddress? Of(string line)
    {
        var start = line.IndexOf(Option, StringComparison.Ordinal);
        if (start < 0)
            return null;
        var rest = line.AsSpan(start + Option.Length).TrimStart();
        if (rest.IndexOf(' ') is > 0 and var end)
            rest = rest[..end];
        return IPEndPoint.TryParse(rest, out var point) ? point.Address : null;
    }

    private static IPAddress? Read(ReadOnlySpan<byte> data, bool ipv4)
    {
        var isDnat = false;
        ReadOnlySpan<byte> information = default;
        var attributes = new AttributeReader(data);
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_TARGET_NAME: isDnat = attributes.Text() == "DNAT"; break;
                case NFTA_TARGET_INFO: information = attributes.Payload; break;
            }
        }

        var at = information.Length <= CompatLength + 4 ? CompatAddress : RangeAddress; // filled up to a multiple of eight
        var length = ipv4 ? 4 : 16;
        return isDnat && information.Length >= at + length ? new IPAddress(information.Slice(at, length)) : null;
    }
}
