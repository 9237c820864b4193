using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;

namespace Patchbay.Plugins.PacketFilter;

/// <summary>A rule that iptables-nft(8) made, read where it stands in nf_tables.</summary>
/// <remarks>
/// iptables-save(8) would say the same, but reads the whole table for it, which on a host with hundreds of containers takes longer than all the
/// rest. What the layouts of the plugins have no use for is a word that equals no other, so a rule with such a thing in it is never taken for one of theirs.
/// </remarks>
internal sealed class IptablesRule
{
    private const string NotUnderstood = "--not-understood ";
    private const int PortsOfMultiport = 15;         // XT_MULTI_PORTS
    private const byte OnlyDestinationPorts = 2;     // XT_SCTP_DEST_PORTS, XT_DCCP_DEST_PORTS

    private readonly NftFamily _family;
    private readonly StringBuilder _words = new();
    private string _target = "";

    private IptablesRule(NftFamily family) => _family = family;

    /// <summary>What iptables-save(8) writes behind the name of the chain, without counters.</summary>
    internal string Words => $"{_words}{_target}".TrimEnd(' ');

    /// <summary>The transport protocol; 0 for any.</summary>
    internal byte Protocol { get; private set; }

    /// <summary>The destination ports that it is for; none for any.</summary>
    internal IReadOnlyList<ushort> Ports { get; private set; } = [];

    /// <summary>The one source that it is for; null for any, or several.</summary>
    internal IPAddress? Source { get; private set; }

    /// <summary>The one destination that it is for; null for any, or several.</summary>
    internal IPAddress? Destination { get; private set; }

    /// <summary>The comment; empty when there is none.</summary>
    internal string Comment { get; private set; } = "";

    /// <summary>The chain that it jumps to; null when it does something else.</summary>
    internal string? Chain { get; private set; }

    /// <summary>Where target DNAT leads to; null when it is another target.</summary>
    internal IPEndPoint? TranslatesTo { get; private set; }

    /// <summary>Reads a rule.</summary>
    internal static IptablesRule Read(NftRule rule)
    {
        var read = new IptablesRule(rule.Family);
        ReadOnlySpan<NftExpression> rest = [.. rule.Expressions];
        while (rest.Length > 0)
            rest = rest[read.Take(rest)..];
        return read;
    }

    // Returns how many expressions belong together.
    private int Take(ReadOnlySpan<NftExpression> rest)
    {
        switch (rest)
        {
            case [NftCounter, ..]:
                return 1;
            case [NftMeta { Key: NftMetaKey.TransportProtocol, Set: false }, NftCompare { Operator: NftOperator.Equal, Value.Length: 1 } protocol, ..]:
                return Says(2, $"-p {ProtocolWord(protocol.Value.Span[0])}");
            case [NftPayload { Header: NftPayloadBase.Network, Offset: 9, Length: 1 }, NftCompare { Operator: NftOperator.Equal, Value.Length: 1 } protocol, ..] when _family == NftFamily.Ip:
                return Says(2, $"-p {ProtocolWord(protocol.Value.Span[0])}"); // before iptables 1.8.3
            case [NftPayload { Header: NftPayloadBase.Network } field, NftCompare compare, ..] when Side(field) is { } side:
                return Says(2, Address(side, compare, compare.Value.Length * 8));
            case [NftPayload { Header: NftPayloadBase.Network } field, NftBitwise bits, NftCompare compare, ..] when Side(field) is { } side && PrefixLength(bits) is >= 0 and var length:
                return Says(3, Address(side, compare, length));
            case [NftPayload { Header: NftPayloadBase.Transport, Offset: 2, Length: 2 }, NftCompare { Operator: NftOperator.Equal, Value.Length: 2 } port, ..]:
                return Says(2, DestinationPorts("--dport", [BinaryPrimitives.ReadUInt16BigEndian(port.Value.Span)]));
            case [NftMeta { Key: NftMetaKey.InputName or NftMetaKey.OutputName, Set: false } key, NftCompare { Operator: NftOperator.Equal or NftOperator.NotEqual } name, ..]:
                return Says(2, $"{Not(name)}{(key.Key == NftMetaKey.InputName ? "-i" : "-o")} {Interface(name.Value.Span)}");
            case [NftMeta { Key: NftMetaKey.Mark, Set: false }, NftBitwise { Mask.Length: 4 } bits, NftCompare { Operator: NftOperator.Equal, Value.Length: 4 } mark, ..]:
                return Says(3, $"-m mark --mark {Number(mark.Value.Span)}/{Number(bits.Mask.Span)}");
            case [NftUnknown { Kind: XtExtension.Match } match, ..]:
                return Says(1, Match(XtExtension.Read(match)));
            case [NftUnknown { Kind: XtExtension.Target } target, ..]:
                _target = Target(XtExtension.Read(target));
                return 1;
            case [NftImmediate { Data.Verdict: { } verdict }]:
                Chain = verdict.Code == NftVerdictCode.Jump ? verdict.Chain : null;
                _target = Verdict(verdict);
                return 1;
            default:
                return Says(1, NotUnderstood + rest[0].Name);
        }
    }

    private int Says(int count, string words)
    {
        _words.Append(words).Append(' ');
        return count;
    }

    // RFC 791 section 3.1, RFC 8200 section 3. A prefix of whole bytes is compared by its bytes alone.
    private string? Side(NftPayload field) => (_family, field.Offset) switch
    {
        (NftFamily.Ip, 12) or (NftFamily.Ip6, 8) => "-s",
        (NftFamily.Ip, 16) or (NftFamily.Ip6, 24) => "-d",
        _ => null,
    };

    private string Address(string side, NftCompare compare, int prefixLength)
    {
        var bytes = new byte[_family == NftFamily.Ip ? 4 : 16];
        if (compare.Value.Length > bytes.Length || compare.Operator is not (NftOperator.Equal or NftOperator.NotEqual))
            return NotUnderstood + "address";
        compare.Value.Span.CopyTo(bytes);
        var address = new IPAddress(bytes);
        var isOne = compare.Operator == NftOperator.Equal && prefixLength == bytes.Length * 8;
        if (isOne && side == "-s")
            Source = address;
        else if (isOne)
            Destination = address;
        return $"{Not(compare)}{side} {new IpPrefix(address, prefixLength)}";
    }

    // -1 for a mask that is no prefix.
    private static int PrefixLength(NftBitwise bits)
    {
        var mask = bits.Mask.ToArray();
        var length = 0;
        while (length < mask.Length * 8 && IsSet(length))
            length++;
        for (var i = length; i < mask.Length * 8; i++)
        {
            if (IsSet(i))
                return -1;
        }

        return bits.Xor.Span.IndexOfAnyExcept((byte)0) >= 0 ? -1 : length;

        bool IsSet(int bit) => (mask[bit / 8] & (0x80 >> (bit % 8))) != 0;
    }

    private string DestinationPorts(string option, ushort[] ports)
    {
        Ports = ports;
        return $"{option} {string.Join(',', ports)}";
    }

    private string ProtocolWord(byte protocol)
    {
        Protocol = protocol;
        return protocol switch { 6 => "tcp", 17 => "udp", 33 => "dccp", 132 => "sctp", _ => protocol.ToString(CultureInfo.InvariantCulture) };
    }

    // The structures are those of include/uapi/linux/netfilter/xt_*.h.
    private string Match(XtExtension match)
    {
        var info = match.Info;
        switch (match.Name, match.Revision)
        {
            case ("comment", 0):
                Comment = Text(info);
                return $"-m comment --comment \"{Comment.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
            case ("conntrack", _) when match.IsReplies:
                return "-m conntrack --ctstate RELATED,ESTABLISHED";
            case ("addrtype", 1) when info is [0, 0, 4, 0, 0, 0, 0, 0]: // of the destination, XT_ADDRTYPE_LOCAL
                return "-m addrtype --dst-type LOCAL";
            case ("mark", 1) when info.Length >= 9 && info[8] == 0:
                return $"-m mark --mark {Number(info)}/{Number(info[4..])}";
            case ("multiport", 1) when info is [1, var count and <= PortsOfMultiport, ..] && info.Length >= 48 && info[32..48].IndexOfAnyExcept((byte)0) < 0: // XT_MULTIPORT_DESTINATION
                return "-m multiport " + DestinationPorts("--dports", MemoryMarshal.Cast<byte, ushort>(info.Slice(2, 2 * count)).ToArray());
            case ("tcp", 0) when info.Length >= 12 && AnyPort(info) && SinglePort(info[4..]) && info[8..12].IndexOfAnyExcept((byte)0) < 0:
            case ("udp", 0) when info.Length >= 9 && AnyPort(info) && SinglePort(info[4..]) && info[8] == 0:
                return $"-m {match.Name} " + DestinationPorts("--dport", [MemoryMarshal.Read<ushort>(info[4..])]);
            case ("sctp", 0) when info.Length >= 292 && SinglePort(info) && info[284..292] is [OnlyDestinationPorts, 0, 0, 0, 0, 0, 0, 0]: // flags, inverted flags
            case ("dccp", 0) when info.Length >= 12 && SinglePort(info) && info[8..12] is [OnlyDestinationPorts, 0, 0, 0]:
                return $"-m {match.Name} " + DestinationPorts("--dport", [MemoryMarshal.Read<ushort>(info)]);
            default:
                return NotUnderstood + match.Name;
        }
    }

    private static bool AnyPort(ReadOnlySpan<byte> range) => range is [0, 0, 0xff, 0xff, ..];

    private static bool SinglePort(ReadOnlySpan<byte> range) => range[..2].SequenceEqual(range[2..4]);

    private string Target(XtExtension target)
    {
        var info = target.Info;
        switch (target.Name, target.Revision)
        {
            case ("MARK", 2) when info.Length >= 8:
                return $"-j MARK --set-xmark {Number(info)}/{Number(info[4..])}";
            case ("MASQUERADE", 0) when info.Length >= 20 && info[(_family == NftFamily.Ip ? 4 : 0)..].IndexOfAnyExcept((byte)0) < 0:
                return "-j MASQUERADE";
            case ("DNAT", 0) when info.Length >= 20 && _family == NftFamily.Ip: // struct nf_nat_ipv4_multi_range_compat
                return Translation(info.Slice(8, 4), info.Slice(12, 4), info.Slice(16, 2), info.Slice(18, 2));
            case ("DNAT", 1 or 2) when info.Length >= 40: // struct nf_nat_range and nf_nat_range2, where an address takes 16 bytes
                var length = _family == NftFamily.Ip ? 4 : 16;
                return Translation(info.Slice(4, length), info.Slice(20, length), info.Slice(36, 2), info.Slice(38, 2));
            default:
                return $"-j {target.Name} {NotUnderstood}{target.Name}";
        }
    }

    private string Translation(ReadOnlySpan<byte> address, ReadOnlySpan<byte> lastAddress, ReadOnlySpan<byte> port, ReadOnlySpan<byte> lastPort)
    {
        if (!address.SequenceEqual(lastAddress) || !port.SequenceEqual(lastPort))
            return $"-j DNAT {NotUnderstood}range";
        TranslatesTo = new IPEndPoint(new IPAddress(address), BinaryPrimitives.ReadUInt16BigEndian(port));
        var text = IpText.Format(TranslatesTo.Address);
        return string.Create(CultureInfo.InvariantCulture, $"-j DNAT --to-destination {(_family == NftFamily.Ip ? text : $"[{text}]")}:{TranslatesTo.Port}");
    }

    private static string Verdict(NftVerdict verdict) => verdict.Code switch
    {
        NftVerdictCode.Accept => "-j ACCEPT",
        NftVerdictCode.Drop => "-j DROP",
        NftVerdictCode.Return => "-j RETURN",
        NftVerdictCode.Jump => $"-j {verdict.Chain}",
        NftVerdictCode.Goto => $"-g {verdict.Chain}",
        _ => NotUnderstood + "verdict",
    };

    private static string Not(NftCompare compare) => compare.Operator == NftOperator.NotEqual ? "! " : "";

    // A name is compared with the zero that ends it; without, everything that begins so is meant.
    private static string Interface(ReadOnlySpan<byte> name) => name.Contains((byte)0) ? Text(name) : Text(name) + "+";

    private static string Number(ReadOnlySpan<byte> bytes) => string.Create(CultureInfo.InvariantCulture, $"0x{MemoryMarshal.Read<uint>(bytes):x}");

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes.IndexOf((byte)0) is >= 0 and var end ? bytes[..end] : bytes);
}
