using System.Net;
using Patchbay.Netlink.Codec;
using static Patchbay.Netlink.Netfilter.ConntrackTuple;

namespace Patchbay.Netlink.Netfilter;

/// <summary>Selects tracked connections; what is null does not matter, but something must be given.</summary>
/// <param name="IPv4">True for connections over IPv4, false for IPv6.</param>
public sealed record ConntrackFilter(bool IPv4)
{
    /// <summary>IP protocol number, such as 17 for UDP; needed with a port.</summary>
    public byte? Protocol { get; init; }

    /// <summary>Who opened the connection.</summary>
    public IPAddress? Source { get; init; }

    /// <summary>To whom, before translation.</summary>
    public IPAddress? Destination { get; init; }

    /// <summary>To which port, before translation.</summary>
    public ushort? DestinationPort { get; init; }

    /// <summary>Who answers: the destination after translation.</summary>
    public IPAddress? ReplySource { get; init; }

    /// <summary>To whom the answers go: the source after translation.</summary>
    public IPAddress? ReplyDestination { get; init; }

    private const ushort CTA_TUPLE_ORIG = 1;
    private const ushort CTA_TUPLE_REPLY = 2;
    private const ushort CTA_FILTER = 25;
    private const ushort CTA_FILTER_ORIG_FLAGS = 1;
    private const ushort CTA_FILTER_REPLY_FLAGS = 2;

    // CTA_FILTER_F_*, net/netfilter/nf_conntrack_netlink.c: which parts of the tuple count
    private const uint ByIpSource = 1;
    private const uint ByIpDestination = 2;
    private const uint ByProtocol = 8;
    private const uint ByDestinationPort = 32;

    /// <summary>The selections of all connections from, to or translated to an address.</summary>
    /// <param name="address">The address.</param>
    /// <returns>Four filters, of which a connection may match several.</returns>
    public static IReadOnlyList<ConntrackFilter> Touching(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        var any = new ConntrackFilter(address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork);
        return [any with { Source = address }, any with { Destination = address }, any with { ReplySource = address }, any with { ReplyDestination = address }];
    }

    internal byte Family => (byte)(IPv4 ? NftFamily.Ip : NftFamily.Ip6);

    /// <summary>True when the kernel can be trusted with the whole of it.</summary>
    /// <remarks>
    /// ctnetlink_filter_match_tuple() compares IPv6 addresses the wrong way round (<c>!ipv6_addr_cmp()</c>, seen up to Linux 6.18):
    /// a filter by address selects all other connections.
    /// </remarks>
    internal bool IsForKernel => IPv4 || (Source ?? Destination ?? ReplySource ?? ReplyDestination) is null;

    /// <summary>Writes as much of it as the kernel can be trusted with.</summary>
    internal void Encode(MessageWriter writer)
    {
        var original = (IPv4 ? Flags(Source, Destination) : 0) | (Protocol is null ? 0 : ByProtocol) | (DestinationPort is null ? 0 : ByDestinationPort);
        var reply = IPv4 ? Flags(ReplySource, ReplyDestination) : 0;
        if ((original | reply) == 0)
            return;
        Tuple(writer, CTA_TUPLE_ORIG, original, Source, Destination);
        Tuple(writer, CTA_TUPLE_REPLY, reply, ReplySource, ReplyDestination);
        using var filter = writer.Nested(CTA_FILTER);
        writer.U32(CTA_FILTER_ORIG_FLAGS, original);
        writer.U32(CTA_FILTER_REPLY_FLAGS, reply);
    }

    /// <summary>Refuses a filter that stands for everything, or that the kernel could not read.</summary>
    internal void Validate()
    {
        if ((Source ?? Destination ?? ReplySource ?? ReplyDestination) is null && Protocol is null && DestinationPort is null)
            throw new InvalidOperationException("the filter selects nothing: it would stand for all connections");
        if (DestinationPort is not null && Protocol is null)
            throw new InvalidOperationException($"a filter by port {DestinationPort} needs the protocol");
    }

    internal bool Matches(ConntrackEntry entry) =>
        (Protocol is null || entry.Original.Protocol == Protocol)
        && (DestinationPort is null || entry.Original.DestinationPort == DestinationPort)
        && (Source is null || Source.Equals(entry.Original.Source))
        && (Destination is null || Destination.Equals(entry.Original.Destination))
        && (ReplySource is null || ReplySource.Equals(entry.Reply.Source))
        && (ReplyDestination is null || ReplyDestination.Equals(entry.Reply.Destination));

    private static uint Flags(IPAddress? source, IPAddress? destination) => (source is null ? 0 : ByIpSource) | (destination is null ? 0 : ByIpDestination);

    private void Tuple(MessageWriter writer, ushort type, uint flags, IPAddress? source, IPAddress? destination)
    {
        if (flags == 0)
            return;
        using var tuple = writer.Nested(type);
        if ((flags & (ByIpSource | ByIpDestination)) != 0)
        {
            using var addresses = writer.Nested(CTA_TUPLE_IP);
            if (source is not null)
                writer.Address(IPv4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, source);
            if (destination is not null)
                writer.Address(IPv4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, destination);
        }

        if (type != CTA_TUPLE_ORIG || Protocol is not { } protocol)
            return;
        using var transport = writer.Nested(CTA_TUPLE_PROTO);
        writer.U8(CTA_PROTO_NUM, protocol);
        if (DestinationPort is { } port)
            writer.U16Be(CTA_PROTO_DST_PORT, port);
    }
}
