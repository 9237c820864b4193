using System.Net;
using System.Text;
using Patchbay.Netlink.Netfilter.Expressions;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Netlink.Netfilter;

/// <summary>Composes a rule in the order of nft(8)'s words, from expressions that nft(8) lists as those words again.</summary>
/// <remarks>
/// In families that carry several network protocols, the first match on an address also matches the protocol, as nft does:
/// <c>new NftRuleBuilder(NftFamily.Inet).Source(ip).DestinationOutside(ip, 24).Masquerade()</c>.
/// </remarks>
public sealed partial class NftRuleBuilder
{
    private const byte Ipv4 = 2;   // NFPROTO_IPV4
    private const byte Ipv6 = 10;  // NFPROTO_IPV6

    private readonly NftFamily _family;
    private readonly List<NftExpression> _expressions = [];
    private byte _network;   // the network protocol that is matched already
    private byte _transport; // the transport protocol that is matched already
    private bool _ethernet;

    /// <summary>Creates a builder.</summary>
    /// <param name="family">The table's family.</param>
    public NftRuleBuilder(NftFamily family)
    {
        _family = family;
        _network = family switch { NftFamily.Ip => Ipv4, NftFamily.Ip6 => Ipv6, _ => 0 };
        _ethernet = family == NftFamily.Bridge;
    }

    /// <summary>The expressions so far.</summary>
    /// <returns>The expressions, for <see cref="NftRule"/>.</returns>
    public IReadOnlyList<NftExpression> Build() => _expressions;

    /// <summary>Adds an expression as it is.</summary>
    /// <param name="expression">The expression.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder Add(NftExpression expression)
    {
        ArgumentNullException.ThrowIfNull(expression);
        _expressions.Add(expression);
        return this;
    }

    /// <summary>Matches the source: <c>ip saddr A/N</c>.</summary>
    /// <param name="address">The address.</param>
    /// <param name="prefixLength">Bits that count; -1 for all.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder Source(IPAddress address, int prefixLength = -1) => Address(address, prefixLength, source: true, NftOperator.Equal);

    /// <summary>Matches every other source: <c>ip saddr != A/N</c>.</summary>
    /// <param name="address">The address.</param>
    /// <param name="prefixLength">Bits that count; -1 for all.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder SourceOutside(IPAddress address, int prefixLength = -1) => Address(address, prefixLength, source: true, NftOperator.NotEqual);

    /// <summary>Matches the destination: <c>ip daddr A/N</c>.</summary>
    /// <param name="address">The address.</param>
    /// <param name="prefixLength">Bits that count; -1 for all.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder Destination(IPAddress address, int prefixLength = -1) => Address(address, prefixLength, source: false, NftOperator.Equal);

    /// <summary>Matches every other destination: <c>ip daddr != A/N</c>.</summary>
    /// <param name="address">The address.</param>
    /// <param name="prefixLength">Bits that count; -1 for all.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder DestinationOutside(IPAddress address, int prefixLength = -1) => Address(address, prefixLength, source: false, NftOperator.NotEqual);

    /// <summary>Matches the sender's Ethernet address: <c>ether saddr</c>.</summary>
    /// <param name="address">The address.</param>
    /// <param name="inverted">True to match every other.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder EthernetSource(MacAddress address, bool inverted = false)
    {
        const int SourceOffset = 6;
        if (!_ethernet)
        {
            // Other interfaces have other link headers: ARPHRD_ETHER is 1, 16 bits in the machine's order.
            byte[] ethernet = BitConverter.IsLittleEndian ? [1, 0] : [0, 1];
            Add(new NftMeta(NftMetaKey.InputType)).Add(new NftCompare(NftOperator.Equal, ethernet));
            _ethernet = true;
        }

        var bytes = new byte[6];
        address.CopyTo(bytes);
        Add(new NftPayload(NftPayloadBase.Link, SourceOffset, 6));
        return Add(new NftCompare(inverted ? NftOperator.NotEqual : NftOperator.Equal, bytes));
    }

    /// <summary>Matches the input interface: <c>iifname</c>.</summary>
    /// <param name="name">Its name; a trailing <c>*</c> matches all names that begin so.</param>
    /// <param name="inverted">True to match every other.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder Input(string name, bool inverted = false) => Interface(NftMetaKey.InputName, name, inverted);

    /// <summary>Matches the output interface: <c>oifname</c>.</summary>
    /// <param name="name">Its name; a trailing <c>*</c> matches all names that begin so.</param>
    /// <param name="inverted">True to match every other.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder Output(string name, bool inverted = false) => Interface(NftMetaKey.OutputName, name, inverted);

    /// <summary>Matches the transport protocol: <c>meta l4proto</c>.</summary>
    /// <param name="protocol">IP protocol number, such as 6 for TCP.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder Transport(byte protocol)
    {
        if (_transport == protocol)
            return this;
        _transport = protocol;
        return Add(new NftMeta(NftMetaKey.TransportProtocol)).Add(new NftCompare(NftOperator.Equal, new[] { protocol }));
    }

    /// <summary>Matches the destination port: <c>tcp dport</c>.</summary>
    /// <param name="protocol">IP protocol number: 6 TCP, 17 UDP, 132 SCTP.</param>
    /// <param name="first">The (lowest) port.</param>
    /// <param name="last">The highest port; 0 for a single one.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder DestinationPort(byte protocol, ushort first, ushort last = 0) => Transport(protocol).Port(2, first, last);

    /// <summary>Matches the source port: <c>tcp sport</c>.</summary>
    /// <param name="protocol">IP protocol number: 6 TCP, 17 UDP, 132 SCTP.</param>
    /// <param name="first">The (lowest) port.</param>
    /// <param name="last">The highest port; 0 for a single one.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder SourcePort(byte protocol, ushort first, ushort last = 0) => Transport(protocol).Port(0, first, last);

    /// <summary>Matches the state of the connection: <c>ct state established,related</c>.</summary>
    /// <param name="states">The states, one of which it must have.</param>
    /// <param name="inverted">True to match every other.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder State(NftConnectionState states, bool inverted = false)
    {
        Add(new NftConnection(NftConnectionKey.State)).Add(new NftBitwise(NftKey.Number((uint)states), new byte[4]));
        return Add(new NftCompare(inverted ? NftOperator.Equal : NftOperator.NotEqual, new byte[4]));
    }

    /// <summary>Matches destinations that are addresses of this host: <c>fib daddr type local</c>.</summary>
    /// <returns>This builder.</returns>
    public NftRuleBuilder DestinationIsLocal()
    {
        const uint RTN_LOCAL = 2;
        Add(new NftRouteLookup(NftRouteResult.AddressType, NftRouteFlags.Destination));
        return Add(new NftCompare(NftOperator.Equal, NftKey.Number(RTN_LOCAL)));
    }

    /// <summary>Matches the packet's mark: <c>meta mark and M == V</c>.</summary>
    /// <param name="value">The value.</param>
    /// <param name="mask">Bits that count.</param>
    /// <param name="inverted">True to match every other.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder Mark(uint value, uint mask = uint.MaxValue, bool inverted = false)
    {
        Add(new NftMeta(NftMetaKey.Mark));
        if (mask != uint.MaxValue)
            Add(new NftBitwise(NftKey.Number(mask), new byte[4]));
        return Add(new NftCompare(inverted ? NftOperator.NotEqual : NftOperator.Equal, NftKey.Number(value)));
    }

    /// <summary>Matches packets of one network protocol: <c>meta nfproto ipv4</c>.</summary>
    /// <param name="ipv4">False for IPv6.</param>
    /// <returns>This builder.</returns>
    public NftRuleBuilder NetworkFamily(bool ipv4)
    {
        Network(ipv4 ? Ipv4 : Ipv6);
        return this;
    }

    private NftRuleBuilder Address(IPAddress address, int prefixLength, bool source, NftOperator comparison)
    {
        ArgumentNullException.ThrowIfNull(address);
        var bytes = address.GetAddressBytes();
        var bits = bytes.Length * 8;
        if (prefixLength < 0)
            prefixLength = bits;
        ArgumentOutOfRangeException.ThrowIfGreaterThan(prefixLength, bits);
        Network(bytes.Length == 4 ? Ipv4 : Ipv6);

        // nft loads only the bytes that the prefix covers; a prefix that ends inside a byte needs a mask over the whole.
        var whole = prefixLength % 8 != 0 || prefixLength == 0;
        for (var i = 0; i < bytes.Length; i++)
            bytes[i] &= NftKey.MaskByte(prefixLength, i);
        Add(AddressField(bytes.Length == 4, source, whole ? bytes.Length : prefixLength / 8, NftRegister.R1));
        if (whole)
        {
            var mask = new byte[bytes.Length];
            for (var i = 0; i < mask.Length; i++)
                mask[i] = NftKey.MaskByte(prefixLength, i);
            Add(new NftBitwise(mask, new byte[bytes.Length]));
        }

        return Add(new NftCompare(comparison, whole ? bytes : bytes[..(prefixLength / 8)]));
    }

    // RFC 791 section 3.1, RFC 8200 section 3
    private static NftPayload AddressField(bool ipv4, bool source, int length, NftRegister register) =>
        new(NftPayloadBase.Network, ipv4 ? (source ? 12 : 16) : (source ? 8 : 24), length, register);

    private void Network(byte protocol)
    {
        if (_network == protocol)
            return;
        _network = protocol;
        if (_family is NftFamily.Bridge or NftFamily.Netdev)
        {
            Add(new NftMeta(NftMetaKey.Protocol)).Add(new NftCompare(NftOperator.Equal, protocol == Ipv4 ? new byte[] { 0x08, 0x00 } : [0x86, 0xdd]));
            return;
        }

        Add(new NftMeta(NftMetaKey.NetworkFamily)).Add(new NftCompare(NftOperator.Equal, new[] { protocol }));
    }

    private NftRuleBuilder Interface(NftMetaKey key, string name, bool inverted)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        var value = name.EndsWith('*') ? Encoding.UTF8.GetBytes(name[..^1]) : NftKey.Interface(name);
        return Add(new NftMeta(key)).Add(new NftCompare(inverted ? NftOperator.NotEqual : NftOperator.Equal, value));
    }

    private NftRuleBuilder Port(int offset, ushort first, ushort last)
    {
        Add(new NftPayload(NftPayloadBase.Transport, offset, 2));
        if (last == 0 || last == first)
            return Add(new NftCompare(NftOperator.Equal, NftKey.Port(first)));
        return Add(new NftCompare(NftOperator.GreaterOrEqual, NftKey.Port(first))).Add(new NftCompare(NftOperator.LessOrEqual, NftKey.Port(last)));
    }
}
