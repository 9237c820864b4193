using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;

namespace Patchbay.Plugins.Meta.Wrapper.Native;

/// <summary>Adds chains and their rules to a transaction.</summary>
/// <param name="transaction">The transaction.</param>
/// <param name="family">The family of the table that they are in.</param>
/// <param name="table">The table.</param>
internal sealed class ChainWriter(NftablesTransaction transaction, NftFamily family, string table)
{
    private const int LongestPrefix = 28; // the reference's, before a space

    internal NftablesTransaction Transaction => transaction;

    internal NftFamily Family => family;

    internal string Table => table;

    internal bool IPv4 => family == NftFamily.Ip;

    internal NftDataType Address => IPv4 ? NftDataType.Ipv4Address : NftDataType.Ipv6Address;

    /// <summary>The register behind so many addresses that were loaded one after another.</summary>
    internal NftRegister Behind(int addresses) => NftRegister.W0 + (addresses * (IPv4 ? 1 : 4));

    /// <summary>The beginning of a rule.</summary>
    internal NftRuleBuilder New() => new(family);

    /// <summary>ICMP "port unreachable", as the reference rejects.</summary>
    internal NftReject PortUnreachable => new(NftRejectType.Icmp, Code: IPv4 ? (byte)3 : (byte)4); // RFC 792; RFC 4443, 3.1

    internal void Chain(string name) => transaction.Add(new NftChain(family, table, name));

    internal void Rule(string chain, NftRuleBuilder rule) => transaction.Add(new NftRule(family, table, chain, rule.Build()));

    /// <summary>A set or map without a name, for the rule that comes next.</summary>
    internal NftSetReference Anonymous(NftDataType key, IReadOnlyList<NftSetElement> elements, bool interval, bool verdicts = false) => transaction.Add(
        new NftSet(family, table, verdicts ? "__map%d" : "__set%d", key) { Anonymous = true, Interval = interval, DataType = verdicts ? NftDataType.Verdict : null }, elements);

    /// <summary>Networks as elements of a set with ranges, of which none may overlap: what is inside another is left out.</summary>
    internal static List<NftSetElement> Ranges(IEnumerable<IpPrefix> networks)
    {
        var all = networks.Distinct().OrderBy(network => network.PrefixLength).ToList();
        var kept = new List<IpPrefix>();
        foreach (var network in all)
        {
            if (!kept.Exists(wider => wider.Network.Contains(network.Address)))
                kept.Add(network);
        }

        return kept.ConvertAll(network =>
        {
            var (first, last) = NftKey.Prefix(network.Address, network.PrefixLength);
            return new NftSetElement(first) { LastKey = last };
        });
    }

    /// <summary>So many in a second, and as many at once.</summary>
    internal static NftLimit Rate(int perSecond) => new((ulong)perSecond, Burst: (uint)perSecond);

    internal static NftLog Log(string word, string handle) => new() { Prefix = LogPrefix(word, handle) };

    /// <summary>The beginning of a line in the log, as long as the reference's: 28 characters and a space.</summary>
    internal static string LogPrefix(string word, string handle)
    {
        var text = new StringBuilder(word).Append(handle);
        if (text.Length > LongestPrefix)
            text.Length = LongestPrefix;
        return text.Append(' ').ToString();
    }
}
