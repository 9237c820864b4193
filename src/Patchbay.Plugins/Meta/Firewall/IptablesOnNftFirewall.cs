using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>The same rules where iptables-nft(8) keeps them: read and removed without it, and made without it where all but a container's own are there.</summary>
internal static class IptablesOnNftFirewall
{
    private const string Table = IptablesLayout.Table;
    private const string Forward = IptablesLayout.Forward;
    private const string Containers = IptablesLayout.Containers;

    /// <summary>What stands there of a target's layout, in the form of <see cref="IptablesLayout"/>, and all of FORWARD; of other containers nothing.</summary>
    internal static HashSet<string> Read(NftablesSocket nft, FirewallTarget target, bool ipv4)
    {
        var lines = new HashSet<string>();
        try
        {
            ReadLayout(nft, lines, target, IptablesOnNft.Family(ipv4));
        }
        catch (NetlinkException) when (!nft.IsAvailable())
        {
            // A kernel without nf_tables has no rules in it.
        }

        return lines;
    }

    /// <summary>FORWARD alone: its policy, and its rules.</summary>
    internal static HashSet<string> ReadForward(NftablesSocket nft, bool ipv4)
    {
        var lines = new HashSet<string>();
        var family = IptablesOnNft.Family(ipv4);
        try
        {
            AddChains(lines, nft.FindChains((family, Table, Forward)));
            AddRules(lines, nft.ListRules(family, Table, Forward));
        }
        catch (NetlinkException) when (!nft.IsAvailable())
        {
            // A kernel without nf_tables has no rules in it.
        }

        return lines;
    }

    private static void ReadLayout(NftablesSocket nft, HashSet<string> lines, FirewallTarget target, NftFamily family)
    {
        var chains = nft.FindChains(
            (family, Table, target.Config.AdminChain), (family, Table, Forward), (family, Table, Containers), (family, Table, IptablesLayout.Stage1), (family, Table, IptablesLayout.Stage2));
        AddChains(lines, chains);
        foreach (var chain in new[] { Forward, IptablesLayout.Stage1, IptablesLayout.Stage2 })
            AddRules(lines, nft.ListRules(family, Table, chain));
        // This chain has two rules for each container of the host.
        if (chains[0] is { } admin)
            AddRules(lines, IptablesOnNft.FindJumps(nft, admin, Containers, nft.ListRules(family, Table, admin.Name)));
        AddRules(lines, RulesOf(nft, family, target.AddressesOf(family == NftFamily.Ip)));
    }

    /// <summary>Adds to a transaction what removes the rules of addresses.</summary>
    internal static void Remove(NftablesSocket nft, NftablesTransaction transaction, bool ipv4, IEnumerable<IPAddress> addresses)
    {
        var own = new HashSet<string>();
        foreach (var address in addresses)
        {
            own.Add(IptablesLayout.SourceRule(address));
            own.Add(IptablesLayout.ReplyRule(address));
        }

        var family = IptablesOnNft.Family(ipv4);
        foreach (var rule in RulesOf(nft, family, addresses))
        {
            if (own.Contains(Line(rule)))
                transaction.DeleteRule(family, Table, Containers, rule.Handle, Tolerated.Missing);
        }
    }

    /// <summary>Adds the rules of the target's addresses, all in one transaction, if they are all that is missing of its layout.</summary>
    /// <param name="nft">nf_tables.</param>
    /// <param name="target">For whom.</param>
    /// <param name="isNew">Whether nobody has had the addresses before, so that there is no need to look for their rules among those of all containers.</param>
    /// <returns>False when more is missing, which is iptables-restore(8)'s to make.</returns>
    internal static bool TryAdd(NftablesSocket nft, FirewallTarget target, bool isNew)
    {
        var transaction = new NftablesTransaction();
        var common = target with { Addresses = [] };
        foreach (var ipv4 in FirewallSetup.Families(target))
        {
            var present = Read(nft, isNew ? common : target, ipv4);
            if (ForeignForward.FirstMissing(present, common, ipv4) is not null)
                return false;
            Compose(transaction, present, target, ipv4);
        }

        try
        {
            nft.Commit(transaction);
            return true;
        }
        catch (NetlinkException error) when (error.IsNotFound)
        {
            return false; // somebody has removed a chain meanwhile
        }
    }

    /// <summary>Makes what is missing of the layout but for a policy, in the encoding of iptables-nft(8).</summary>
    internal static void Open(NftablesSocket nft, FirewallTarget target, bool ipv4)
    {
        GuardedCommit.Repeat(nft, generation =>
        {
            var transaction = new NftablesTransaction(generation);
            Compose(transaction, Read(nft, target, ipv4), target, ipv4);
            return transaction;
        });
    }

    private static void Compose(NftablesTransaction transaction, HashSet<string> present, FirewallTarget target, bool ipv4)
    {
        var family = IptablesOnNft.Family(ipv4);
        var admin = target.Config.AdminChain;
        foreach (var chain in new[] { Containers, admin })
        {
            if (!present.Contains(IptablesLayout.Chain(chain)))
                transaction.Add(new NftChain(family, Table, chain));
        }

        if (!present.Contains(IptablesLayout.Jump(Forward, Containers)))
            transaction.Insert(Rule(Forward, rule => rule.Add(XtExtension.Comment(IptablesLayout.RulesComment)).Counter().Jump(Containers)));
        if (!present.Contains(IptablesLayout.Jump(Containers, admin)))
            transaction.Insert(Rule(Containers, rule => rule.Add(XtExtension.Comment(IptablesLayout.AdminComment)).Counter().Jump(admin)));
        foreach (var address in target.AddressesOf(ipv4))
        {
            if (!present.Contains(IptablesLayout.ReplyRule(address)))
                transaction.Add(Rule(Containers, rule => rule.Destination(address).Add(XtExtension.Replies()).Counter().Accept()));
            if (!present.Contains(IptablesLayout.SourceRule(address)))
                transaction.Add(Rule(Containers, rule => rule.Source(address).Counter().Accept()));
        }

        NftRule Rule(string chain, Func<NftRuleBuilder, NftRuleBuilder> compose) => new(family, Table, chain, compose(new NftRuleBuilder(family)).Build());
    }

    private static IReadOnlyList<NftRule> RulesOf(NftablesSocket nft, NftFamily family, IEnumerable<IPAddress> addresses)
    {
        List<byte[]> bytes = [.. addresses.Select(static address => address.GetAddressBytes())];
        return bytes.Count == 0 ? [] : nft.ListRulesHolding(family, Table, Containers, bytes);
    }

    private static void AddChains(HashSet<string> lines, IEnumerable<NftChain?> chains)
    {
        foreach (var chain in chains)
        {
            if (chain is not null)
                lines.Add(chain.Hook is null ? IptablesLayout.Chain(chain.Name) : $":{chain.Name} {(chain.Hook.Drop ? "DROP" : "ACCEPT")}");
        }
    }

    private static void AddRules(HashSet<string> lines, IReadOnlyList<NftRule> rules)
    {
        foreach (var rule in rules)
            lines.Add(Line(rule));
    }

    private static string Line(NftRule rule) => IptablesLayout.Normal($"-A {rule.Chain} {IptablesRule.Read(rule).Words}");
}
