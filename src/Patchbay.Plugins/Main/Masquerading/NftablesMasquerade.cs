using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;
using Patchbay.Plugins.Naming;

namespace Patchbay.Plugins.Main.Masquerading;

/// <summary>Masquerading in nf_tables: one table for all networks, in which each rule carries in its comment whose it is.</summary>
internal static class NftablesMasquerade
{
    private const NftFamily Family = NftFamily.Inet;
    private const string Table = "cni_plugins_masquerade";
    private const string Checks = "masq_checks";
    private const string Postrouting = "postrouting";
    private const int SourceNatPriority = 100; // NF_IP_PRI_NAT_SRC

    /// <summary>Adds the rules of an interface, in the place of those that it has.</summary>
    internal static void Add(NftablesSocket nft, MasqueradeName name, IReadOnlyList<CniIp> ips)
    {
        var prepared = IsPrepared(nft);
        try
        {
            Add(nft, name, ips, prepared);
        }
        catch (NetlinkException error) when (prepared && error.IsNotFound)
        {
            Add(nft, name, ips, prepared: false); // somebody removed the table meanwhile
        }
    }

    private static void Add(NftablesSocket nft, MasqueradeName name, IReadOnlyList<CniIp> ips, bool prepared)
    {
        var transaction = new NftablesTransaction();
        if (!prepared)
            Prepare(transaction);
        foreach (var old in Own(nft, name))
            transaction.DeleteRule(Family, Table, Checks, old, Tolerated.Missing);
        var comment = name.NftComment;
        foreach (var ip in ips)
        {
            var rule = new NftRuleBuilder(Family).Source(ip.Address.Address).DestinationOutside(ip.Address.Address, ip.Address.PrefixLength).Masquerade();
            transaction.Add(new NftRule(Family, Table, Checks, rule.Build()) { Comment = comment });
        }

        nft.Commit(transaction);
    }

    /// <summary>Removes the rules of an interface, whatever its addresses were.</summary>
    internal static void Remove(NftablesSocket nft, MasqueradeName name) => Delete(nft, Own(nft, name));

    /// <summary>Removes the rules of a network whose interfaces are not among the valid ones.</summary>
    internal static void Collect(NftablesSocket nft, string network, IReadOnlyList<CniAttachment> valid)
    {
        var ofNetwork = $"{NameHash.Network(network)}-";
        var keep = new HashSet<string>();
        foreach (var attachment in valid)
            keep.Add(new MasqueradeName(network, attachment.ContainerId, attachment.IfName).Mark);
        var stale = new List<ulong>();
        foreach (var rule in nft.ListRuleMarks(Family, Table, Checks))
        {
            if (rule.Comment is { } comment && comment.StartsWith(ofNetwork, StringComparison.Ordinal) && !keep.Contains(MarkOf(comment)))
                stale.Add(rule.Handle);
        }

        Delete(nft, stale);
    }

    /// <summary>Tells whether each address is masqueraded.</summary>
    internal static bool Exists(NftablesSocket nft, MasqueradeName name, IReadOnlyList<CniIp> ips)
    {
        if (!IsPrepared(nft))
            return false;
        var own = new List<NftRule>();
        foreach (var rule in nft.ListRules(Family, Table, Checks))
        {
            if (rule.Comment is { } comment && MarkOf(comment) == name.Mark)
                own.Add(rule);
        }

        foreach (var ip in ips)
        {
            if (!own.Exists(rule => IsFor(rule, ip.Address.Address)))
                return false;
        }

        return own.Count > 0;
    }

    /// <summary>Asks the kernel whether it could do it.</summary>
    /// <exception cref="NetlinkException">It could not.</exception>
    internal static void Verify(NftablesSocket nft)
    {
        var transaction = new NftablesTransaction();
        Prepare(transaction);
        transaction.Add(new NftRule(Family, Table, Checks, new NftRuleBuilder(Family).Masquerade().Build()));
        nft.Verify(transaction);
    }

    private static NftRule[] BaseRules() =>
    [
        new(Family, Table, Postrouting, new NftRuleBuilder(Family).Destination(IPAddress.Parse("224.0.0.0"), 4).Return().Build()),
        new(Family, Table, Postrouting, new NftRuleBuilder(Family).Destination(IPAddress.Parse("ff00::"), 8).Return().Build()),
        new(Family, Table, Postrouting, new NftRuleBuilder(Family).Goto(Checks).Build()),
    ];

    // The reference fills the base chain anew at each ADD. Looking first spares the kernel the freeing of the old rules, for which
    // the end of this process would have to wait (nft_rcv_nl_event() in net/netfilter/nf_tables_api.c flushes that work when a
    // netlink socket closes: 10 ms and more).
    private static bool IsPrepared(NftablesSocket nft)
    {
        var present = nft.ListRules(Family, Table, Postrouting);
        var wanted = BaseRules();
        if (present.Count != wanted.Length)
            return false;
        for (var i = 0; i < wanted.Length; i++)
        {
            if (!present[i].DoesSameAs(wanted[i]))
                return false;
        }

        return true;
    }

    // What somebody else changed in the base chain is put right.
    private static void Prepare(NftablesTransaction transaction)
    {
        transaction.Add(new NftTable(Family, Table) { Comment = "Masquerading for plugins from github.com/containernetworking/plugins" });
        transaction.Add(new NftChain(Family, Table, Checks) { Comment = "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet" });
        transaction.Add(new NftChain(Family, Table, Postrouting) { Hook = new NftHook("nat", NftHookPoint.Postrouting, SourceNatPriority) });
        transaction.Flush(Family, Table, Postrouting);
        foreach (var rule in BaseRules())
            transaction.Add(rule);
    }

    private static List<ulong> Own(NftablesSocket nft, MasqueradeName name)
    {
        var own = new List<ulong>();
        foreach (var rule in nft.ListRuleMarks(Family, Table, Checks))
        {
            if (rule.Comment is { } comment && MarkOf(comment) == name.Mark)
                own.Add(rule.Handle);
        }

        return own;
    }

    private static void Delete(NftablesSocket nft, List<ulong> rules)
    {
        var transaction = new NftablesTransaction();
        foreach (var rule in rules)
            transaction.DeleteRule(Family, Table, Checks, rule, Tolerated.Missing);
        nft.Commit(transaction);
    }

    private static string MarkOf(string comment) => comment.IndexOf(',', StringComparison.Ordinal) is >= 0 and var end ? comment[..end] : comment;

    private static bool IsFor(NftRule rule, IPAddress address)
    {
        var bytes = address.GetAddressBytes();
        var matches = false;
        foreach (var expression in rule.Expressions)
            matches |= expression is NftCompare { Operator: NftOperator.Equal } compare && compare.Value.Span.SequenceEqual(bytes);
        return matches && rule.Expressions[^1] is NftMasquerade;
    }
}
