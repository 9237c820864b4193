using System.Net;
using System.Runtime.InteropServices;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A rule that chooses the routing table (struct fib_rule_hdr and FRA_*, include/uapi/linux/fib_rules.h; ip-rule(8)).</summary>
public sealed record Rule
{
    private const ushort FRA_DST = 1;
    private const ushort FRA_SRC = 2;
    private const ushort FRA_IIFNAME = 3;
    private const ushort FRA_PRIORITY = 6;
    private const ushort FRA_FWMARK = 10;
    private const ushort FRA_SUPPRESS_PREFIXLEN = 14;
    private const ushort FRA_TABLE = 15;
    private const ushort FRA_FWMASK = 16;
    private const ushort FRA_OIFNAME = 17;
    private const ushort FRA_L3MDEV = 19;
    private const ushort FRA_PROTOCOL = 21;
    private const byte FR_ACT_TO_TBL = 1;
    private const uint FIB_RULE_INVERT = 2;

    /// <summary>IPv4 or IPv6.</summary>
    public required AddressFamily Family { get; init; }

    /// <summary>Order; the smallest is looked at first. Null lets the kernel choose one before all others.</summary>
    public uint? Priority { get; init; }

    /// <summary>Source network; null for any.</summary>
    public IPNetwork? Source { get; init; }

    /// <summary>Destination network; null for any.</summary>
    public IPNetwork? Destination { get; init; }

    /// <summary>The routing table to use; 0 for none.</summary>
    public uint Table { get; init; }

    /// <summary>Type of service of the packet (DSCP and ECN bits, RFC 2474); 0 for any.</summary>
    public byte TypeOfService { get; init; }

    /// <summary>Name of the link on which packets come in; null for any.</summary>
    public string? InputLink { get; init; }

    /// <summary>Name of the link to which the socket is bound; null for any.</summary>
    public string? OutputLink { get; init; }

    /// <summary>Mark of the packet; null for any.</summary>
    public uint? Mark { get; init; }

    /// <summary>Bits of the mark that count.</summary>
    public uint? MarkMask { get; init; }

    /// <summary>The table is that of the packet's VRF.</summary>
    public bool L3MasterDevice { get; init; }

    /// <summary>Routes with a prefix of at most this length are not accepted; null for none.</summary>
    public int? SuppressPrefixLength { get; init; }

    /// <summary>The rule holds for packets that do not match.</summary>
    public bool Inverted { get; init; }

    /// <summary>FR_ACT_*: 1 is "use the table".</summary>
    public byte Action { get; init; } = FR_ACT_TO_TBL;

    /// <summary>RTPROT_*: who made it.</summary>
    public byte? Protocol { get; init; }

    /// <summary>Attributes that this library does not interpret.</summary>
    public IReadOnlyList<RawAttribute> Other { get; init; } = [];

    /// <summary>The rule as ip-rule(8) words it.</summary>
    /// <returns>The text.</returns>
    public override string ToString() =>
        $"{(Priority is null ? "" : $"{Priority}: ")}{(Inverted ? "not " : "")}from {Source?.ToString() ?? "all"}{(Destination is null ? "" : $" to {Destination}")} lookup {Table}";

    /// <summary>Reads RTM_NEWRULE or RTM_DELRULE.</summary>
    /// <param name="message">The message.</param>
    /// <returns>The rule.</returns>
    /// <exception cref="NetlinkException">The message is malformed.</exception>
    public static Rule Decode(scoped in MessageReader message)
    {
        var attributes = message.Fixed(out Header header);
        var rule = new Rule
        {
            Family = (AddressFamily)header.Family,
            Table = header.Table,
            TypeOfService = header.Tos,
            Action = header.Action,
            Inverted = (header.Flags & FIB_RULE_INVERT) != 0,
            Priority = 0,
        };
        List<RawAttribute>? other = null;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case FRA_SRC: rule = rule with { Source = attributes.Network(header.SourceLength) }; break;
                case FRA_DST: rule = rule with { Destination = attributes.Network(header.DestinationLength) }; break;
                case FRA_PRIORITY: rule = rule with { Priority = attributes.U32() }; break;
                case FRA_TABLE: rule = rule with { Table = attributes.U32() }; break;
                case FRA_IIFNAME: rule = rule with { InputLink = attributes.Text() }; break;
                case FRA_OIFNAME: rule = rule with { OutputLink = attributes.Text() }; break;
                case FRA_FWMARK: rule = rule with { Mark = attributes.U32() }; break;
                case FRA_FWMASK: rule = rule with { MarkMask = attributes.U32() }; break;
                case FRA_L3MDEV: rule = rule with { L3MasterDevice = attributes.U8() != 0 }; break;
                case FRA_PROTOCOL: rule = rule with { Protocol = attributes.U8() }; break;
                case FRA_SUPPRESS_PREFIXLEN:
                    var length = attributes.S32();
                    rule = rule with { SuppressPrefixLength = length < 0 ? null : length };
                    break;
                default: (other ??= []).Add(attributes.Keep()); break;
            }
        }

        attributes.ThrowIfMalformed("rule");
        return other is null ? rule : rule with { Other = other };
    }

    internal void Write(MessageWriter writer)
    {
        writer.Fixed(new Header
        {
            Family = (byte)Family,
            DestinationLength = (byte)(Destination?.PrefixLength ?? 0),
            SourceLength = (byte)(Source?.PrefixLength ?? 0),
            Tos = TypeOfService,
            Table = Table < 256 ? (byte)Table : (byte)0,
            Action = Action,
            Flags = Inverted ? FIB_RULE_INVERT : 0,
        });
        if (Source is { } source)
            writer.Address(FRA_SRC, source.BaseAddress);
        if (Destination is { } destination)
            writer.Address(FRA_DST, destination.BaseAddress);
        if (Priority is { } priority)
            writer.U32(FRA_PRIORITY, priority);
        if (InputLink is not null)
            writer.Text(FRA_IIFNAME, InputLink);
        if (OutputLink is not null)
            writer.Text(FRA_OIFNAME, OutputLink);
        if (Mark is { } mark)
            writer.U32(FRA_FWMARK, mark);
        if (MarkMask is { } mask)
            writer.U32(FRA_FWMASK, mask);
        if (Table >= 256)
            writer.U32(FRA_TABLE, Table);
        if (L3MasterDevice)
            writer.U8(FRA_L3MDEV, 1);
        if (SuppressPrefixLength is { } length)
            writer.S32(FRA_SUPPRESS_PREFIXLEN, length);
        if (Protocol is { } protocol)
            writer.U8(FRA_PROTOCOL, protocol);
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct Header
    {
        internal byte Family;
        internal byte DestinationLength;
        internal byte SourceLength;
        internal byte Tos;
        internal byte Table;
        internal byte Reserved1;
        internal byte Reserved2;
        internal byte Action;
        internal uint Flags;
    }
}
