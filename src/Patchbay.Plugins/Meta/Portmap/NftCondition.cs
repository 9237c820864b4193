using System.Globalization;
using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>One match of <c>conditionsV4</c> or <c>conditionsV6</c> in the words of nft(8), such as <c>ip saddr != { 10.0.0.0/8, 192.0.2.1 }</c>.</summary>
/// <remarks>The words are read, not handed on: what is not known here is refused.</remarks>
internal sealed class NftCondition
{
    private readonly Action<NftRuleBuilder> _load;
    private readonly NftDataType _type;
    private readonly bool _inverted;
    private readonly List<(byte[] First, byte[] Last)> _values;

    private NftCondition(Action<NftRuleBuilder> load, NftDataType type, bool inverted, List<(byte[], byte[])> values) =>
        (_load, _type, _inverted, _values) = (load, type, inverted, values);

    /// <summary>Reads conditions, however they are spread over the texts of the list.</summary>
    /// <exception cref="CniException">Code 7: something that is not supported; the text names it and what is.</exception>
    internal static IReadOnlyList<NftCondition> Parse(bool ipv4, IReadOnlyList<string> texts)
    {
        if (texts.Count == 0)
            return [];
        var words = new NftWords(ipv4, string.Join(' ', texts));
        var conditions = new List<NftCondition>();
        while (!words.IsAtEnd)
            conditions.Add(One(words, ipv4));
        return conditions;
    }

    /// <summary>Adds the match to a rule, and a set of several values to the rule's transaction.</summary>
    internal NftRuleBuilder AddTo(NftRuleBuilder rule, NftablesTransaction transaction, HostPortTable table)
    {
        _load(rule);
        if (_values is [var (first, last)])
        {
            return first.AsSpan().SequenceEqual(last)
                ? rule.Add(new NftCompare(_inverted ? NftOperator.NotEqual : NftOperator.Equal, first))
                : rule.Add(new NftRange(first, last, _inverted));
        }

        var values = Merged();
        var ranges = values.Exists(value => !value.First.AsSpan().SequenceEqual(value.Last));
        var set = new NftSet(table.Family, HostPortTable.Name, "__set%d", _type) { Anonymous = true, Interval = ranges };
        var elements = values.ConvertAll(value => new NftSetElement(value.First) { LastKey = value.Last });
        return rule.Add(new NftLookup(transaction.Add(set, elements), Inverted: _inverted));
    }

    // The kernel refuses elements that overlap.
    private List<(byte[] First, byte[] Last)> Merged()
    {
        var sorted = _values.OrderBy(value => value.First, Comparer<byte[]>.Create(static (a, b) => a.AsSpan().SequenceCompareTo(b))).ToList();
        var merged = new List<(byte[] First, byte[] Last)>();
        foreach (var value in sorted)
        {
            if (merged.Count == 0 || merged[^1].Last.AsSpan().SequenceCompareTo(value.First) < 0)
                merged.Add(value);
            else if (merged[^1].Last.AsSpan().SequenceCompareTo(value.Last) < 0)
                merged[^1] = (merged[^1].First, value.Last);
        }

        return merged;
    }

    private static NftCondition One(NftWords words, bool ipv4)
    {
        switch (words.Next())
        {
            case "ip" when ipv4: return Address(words, ipv4);
            case "ip6" when !ipv4: return Address(words, ipv4);
            case "iifname": return Interface(words, NftMetaKey.InputName);
            case "oifname": return Interface(words, NftMetaKey.OutputName);
            case "mark": return Mark(words);
            case "tcp": return Port(words, Transport.Tcp);
            case "udp": return Port(words, Transport.Udp);
            case "sctp": return Port(words, Transport.Sctp);
            case "dccp": return Port(words, Transport.Dccp);
            case "th": return Port(words, protocol: null);
            case "meta":
                switch (words.Next())
                {
                    case "iifname": return Interface(words, NftMetaKey.InputName);
                    case "oifname": return Interface(words, NftMetaKey.OutputName);
                    case "mark": return Mark(words);
                    default: throw words.Refuse();
                }

            default: throw words.Refuse();
        }
    }

    private static NftCondition Address(NftWords words, bool ipv4)
    {
        var source = words.Next() switch { "saddr" => true, "daddr" => false, _ => throw words.Refuse() };
        var inverted = words.Inverted();
        var values = words.Values(text =>
        {
            if (text.Contains('/', StringComparison.Ordinal))
                return IpPrefix.TryParse(text, out var prefix) && prefix.IsIPv4 == ipv4 ? NftKey.Prefix(prefix.Address, prefix.PrefixLength) : null;
            var ends = text.Split('-');
            if (ends.Length > 2 || IpText.TryParse(ends[0]) is not { } first || IpText.TryParse(ends[^1]) is not { } last || !IsOurs(first) || !IsOurs(last))
                return null;
            return (NftKey.Of(first), NftKey.Of(last));
        });
        return new NftCondition(rule => rule.LoadAddress(source, ipv4), ipv4 ? NftDataType.Ipv4Address : NftDataType.Ipv6Address, inverted, values);

        bool IsOurs(IPAddress address) => address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork == ipv4;
    }

    private static NftCondition Interface(NftWords words, NftMetaKey key)
    {
        var inverted = words.Inverted();
        var values = words.Values(text =>
        {
            try
            {
                Validation.InterfaceName(text);
            }
            catch (CniException)
            {
                return null;
            }

            // A star at the end stands for any letters that follow: as many bytes as there are before it are compared.
            return text.EndsWith('*') ? ((byte[], byte[])?)(System.Text.Encoding.UTF8.GetBytes(text[..^1]), System.Text.Encoding.UTF8.GetBytes(text[..^1])) : (NftKey.Interface(text), NftKey.Interface(text));
        });
        if (values.Exists(value => value.First.Length is 0 || (values.Count > 1 && value.First.Length < 16)))
            throw words.Refuse();
        return new NftCondition(rule => rule.Add(new NftMeta(key)), NftDataType.InterfaceName, inverted, values);
    }

    private static NftCondition Mark(NftWords words)
    {
        var inverted = words.Inverted();
        var values = words.Values(static text =>
        {
            var hexadecimal = text.StartsWith("0x", StringComparison.Ordinal);
            if (!uint.TryParse(hexadecimal ? text[2..] : text, hexadecimal ? NumberStyles.AllowHexSpecifier : NumberStyles.None, CultureInfo.InvariantCulture, out var number))
                return null;
            return (NftKey.Number(number), NftKey.Number(number));
        });
        return new NftCondition(static rule => rule.Add(new NftMeta(NftMetaKey.Mark)), NftDataType.Mark, inverted, values);
    }

    private static NftCondition Port(NftWords words, Transport? protocol)
    {
        var offset = words.Next() switch { "sport" => 0, "dport" => 2, _ => throw words.Refuse() };
        var inverted = words.Inverted();
        var values = words.Values(static text =>
        {
            var ends = text.Split('-');
            if (ends.Length > 2 || !ushort.TryParse(ends[0], NumberStyles.None, CultureInfo.InvariantCulture, out var first)
                || !ushort.TryParse(ends[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var last))
                return null;
            return (NftKey.Port(first), NftKey.Port(last));
        });
        return new NftCondition(
            rule =>
            {
                if (protocol is { } number)
                    rule.Transport((byte)number);
                rule.Add(new NftPayload(NftPayloadBase.Transport, offset, 2));
            },
            NftDataType.InetService,
            inverted,
            values);
    }
}
