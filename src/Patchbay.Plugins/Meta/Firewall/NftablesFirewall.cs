using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>The firewall in nf_tables: a base chain that looks addresses and bridges up in sets, so that a packet's way does not grow with their number.</summary>
internal static class NftablesFirewall
{
    private const NftFamily Family = FirewallTable.Family;
    private const string Table = FirewallTable.Name;

    internal static bool IsOwnChain(string name) =>
        name is FirewallTable.Forward or FirewallTable.Policy or FirewallTable.Overrides or FirewallTable.Attachments;

    /// <summary>Makes what is missing of the table's chains and of an attachment's policy.</summary>
    internal static void Add(NftablesSocket nft, FirewallTarget target)
    {
        GuardedCommit.Repeat(nft, generation =>
        {
            var transaction = new NftablesTransaction(generation);
            Prepare(nft, transaction, target.Config.AdminChain);
            AddPolicy(nft, transaction, target);
            return transaction;
        });
    }

    /// <summary>Tells what is missing of an attachment, addresses apart; null for nothing.</summary>
    internal static string? Missing(NftablesSocket nft, FirewallTarget target, bool chains)
    {
        var rules = nft.ListRules(Family, Table);
        var wanted = new List<NftRule>(FirewallTable.BaseRules());
        if (chains)
            wanted.Add(FirewallTable.AdminJump(target.Config.AdminChain));
        foreach (var rule in wanted)
        {
            if (!rules.Any(each => each.Chain == rule.Chain && each.DoesSameAs(rule)))
                return $"a rule of chain \"{rule.Chain}\" in table inet {Table} (\"{rule.Comment}\")";
        }

        return PolicyMissing(nft, rules, target);
    }

    /// <summary>Tells whether there are notes on policies of attachments.</summary>
    internal static bool HasPolicies(NftablesSocket nft, Func<string, bool> isMeant)
    {
        foreach (var mark in nft.ListRuleMarks(Family, Table, FirewallTable.Attachments))
        {
            if (isMeant(AddressRegister.MarkOf(mark.Comment)))
                return true;
        }

        return false;
    }

    /// <summary>Adds to a transaction what removes attachments' policies: their own notes, and the policy of a bridge when nobody wants it any more.</summary>
    /// <param name="nft">nf_tables.</param>
    /// <param name="transaction">A transaction that fails if anybody has changed anything since, for another attachment may want the policy by now.</param>
    /// <param name="isMeant">Tells by its mark whether an attachment is meant.</param>
    internal static void RemovePolicies(NftablesSocket nft, NftablesTransaction transaction, Func<string, bool> isMeant)
    {
        var stays = new Dictionary<string, bool>();
        var goes = new Dictionary<string, bool>();
        foreach (var rule in nft.ListRules(Family, Table, FirewallTable.Attachments))
        {
            if (FirewallTable.AttachmentOf(rule) is not { } noted)
                continue;
            var its = isMeant(AddressRegister.MarkOf(rule.Comment));
            if (its)
                transaction.DeleteRule(Family, Table, FirewallTable.Attachments, rule.Handle, Tolerated.Missing);
            var side = its ? goes : stays;
            side[noted.Bridge] = noted.Isolated || (side.TryGetValue(noted.Bridge, out var isolated) && isolated);
        }

        foreach (var (bridge, isolated) in goes)
        {
            var remains = stays.TryGetValue(bridge, out var still);
            if (!remains)
                transaction.DeleteElements(FirewallTable.Bridges, [new NftSetElement(NftKey.Interface(bridge))], Tolerated.Missing);
            if (!remains || (isolated && !still))
                transaction.DeleteElements(FirewallTable.WithinBridge, [FirewallTable.WithinKey(bridge)], Tolerated.Missing);
            if (remains && isolated && !still)
                transaction.AddElements(FirewallTable.WithinBridge, [FirewallTable.Within(bridge, isolated: false)]);
        }
    }

    /// <summary>Asks the kernel whether it could do it.</summary>
    /// <exception cref="NetlinkException">It could not.</exception>
    internal static void Verify(NftablesSocket nft)
    {
        var transaction = new NftablesTransaction();
        FirewallTable.AddRegister(transaction);
        FirewallTable.AddChains(transaction, withBase: true);
        foreach (var rule in FirewallTable.BaseRules())
            transaction.Add(rule);
        nft.Verify(transaction);
    }

    private static void Prepare(NftablesSocket nft, NftablesTransaction transaction, string adminChain)
    {
        var rules = nft.ListRules(Family, Table);
        var exist = nft.FindChains((Family, Table, FirewallTable.Forward), (Family, Table, FirewallTable.Attachments), (Family, Table, adminChain));
        var wanted = FirewallTable.BaseRules();
        if (exist[0] is null || exist[1] is null || !wanted.All(rule => rules.Any(each => each.Chain == rule.Chain && each.DoesSameAs(rule))))
        {
            // Also after somebody has taken a part away. What users have added to these chains stays, after ours.
            FirewallTable.AddRegister(transaction);
            FirewallTable.AddChains(transaction, withBase: exist[0] is null);
            foreach (var rule in rules)
            {
                if (rule.Chain is FirewallTable.Forward or FirewallTable.Policy && rule.Comment?.StartsWith(FirewallTable.CommentPrefix, StringComparison.Ordinal) == true)
                    transaction.DeleteRule(Family, Table, rule.Chain, rule.Handle);
            }

            for (var i = wanted.Length - 1; i >= 0; i--)
                transaction.Insert(wanted[i]);
        }

        var jump = FirewallTable.AdminJump(adminChain);
        if (exist[2] is null)
            transaction.Add(new NftChain(Family, Table, adminChain));
        if (!rules.Any(each => each.Chain == jump.Chain && each.DoesSameAs(jump)))
            transaction.Add(jump);
    }

    private static void AddPolicy(NftablesSocket nft, NftablesTransaction transaction, FirewallTarget target)
    {
        if (target.Bridge is null)
            return;
        var isolated = target.Config.Policy == IngressPolicy.Isolated;
        var noted = new Dictionary<string, bool>();
        var own = new HashSet<(string, bool)>();
        foreach (var rule in nft.ListRules(Family, Table, FirewallTable.Attachments))
        {
            if (FirewallTable.AttachmentOf(rule) is not { } note)
                continue;
            noted[note.Bridge] = note.Isolated || (noted.TryGetValue(note.Bridge, out var before) && before);
            if (AddressRegister.MarkOf(rule.Comment) == target.Name.Mark)
                own.Add(note);
        }

        foreach (var device in target.Bridge.Devices)
        {
            if (!own.Contains((device, isolated)))
                transaction.Add(FirewallTable.Attachment(device, isolated, target.Name.NftComment));
            // An element of a map cannot be changed: where the policy becomes stricter, the old one goes first.
            if (isolated && noted.TryGetValue(device, out var strict) && !strict)
                transaction.DeleteElements(FirewallTable.WithinBridge, [FirewallTable.WithinKey(device)], Tolerated.Missing);
            transaction.AddElements(FirewallTable.Bridges, [new NftSetElement(NftKey.Interface(device))]);
            transaction.AddElements(FirewallTable.WithinBridge, [FirewallTable.Within(device, isolated || (noted.TryGetValue(device, out var other) && other))]);
        }
    }

    private static string? PolicyMissing(NftablesSocket nft, IReadOnlyList<NftRule> rules, FirewallTarget target)
    {
        if (target.Bridge is null)
            return null;
        var isolated = target.Config.Policy == IngressPolicy.Isolated;
        var bridges = nft.ListElements(FirewallTable.Bridges);
        var within = nft.ListElements(FirewallTable.WithinBridge);
        foreach (var device in target.Bridge.Devices)
        {
            if (!rules.Any(rule => rule.Chain == FirewallTable.Attachments && AddressRegister.MarkOf(rule.Comment) == target.Name.Mark && FirewallTable.AttachmentOf(rule) == (device, isolated)))
                return $"the container's note in chain \"{FirewallTable.Attachments}\" of table inet {Table}";
            if (!bridges.Any(each => FirewallTable.InterfaceName(each.Key.Span) == device))
                return $"\"{device}\" in set \"{FirewallTable.Bridges.Name}\" of table inet {Table}";
            if (!within.Any(each => FirewallTable.InterfaceName(each.Key.Span) == device && (!isolated || each.Data.Verdict?.Code == NftVerdictCode.Drop)))
                return $"\"{device}\" in map \"{FirewallTable.WithinBridge.Name}\" of table inet {Table}";
        }

        return null;
    }
}
