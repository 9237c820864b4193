using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>The reference plugin's rules in iptables: made by one iptables-restore(8) for a family, read and removed without it where they stand in nf_tables.</summary>
internal static class IptablesFirewall
{
    private const int Attempts = 4;
    private const string LegacyFlavour = "legacy-";

    /// <summary>Where iptables-restore(8), as it is installed, writes to.</summary>
    internal static bool IsLegacyDefault(bool ipv4)
    {
        // Usually a link by way of /etc/alternatives to xtables-legacy-multi or xtables-nft-multi.
        var program = IptablesTool.Find(ipv4 ? "iptables-restore" : "ip6tables-restore");
        if (program is null)
            return false;
        try
        {
            var file = new FileInfo(program).ResolveLinkTarget(returnFinalTarget: true)?.Name ?? "";
            return file == "xtables-multi" || file.Contains("legacy", StringComparison.Ordinal); // before 1.8 there was one kind only
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>Tells whether iptables of both families is installed, as the reference plugin needs it.</summary>
    internal static bool IsInstalled => IptablesTool.Find("iptables-restore") is not null && IptablesTool.Find("ip6tables-restore") is not null;

    /// <summary>Makes what is missing of an attachment in one family; run on a thread of its own, for it waits for a program.</summary>
    internal static void Add(FirewallTarget target, bool ipv4) => Add(target, ipv4, IsLegacyDefault(ipv4));

    /// <summary>The same in the old tables, whatever the default is.</summary>
    internal static void AddLegacy(FirewallTarget target, bool ipv4) => Add(target, ipv4, legacy: true);

    /// <summary>What stands of a target's layout in the tables that iptables writes to by default.</summary>
    internal static HashSet<string> Read(FirewallTarget target, bool ipv4) => Read(target, ipv4, IsLegacyDefault(ipv4));

    /// <summary>What stands in the old tables; nothing if they are not in use.</summary>
    internal static HashSet<string> ReadLegacy(bool ipv4) =>
        IsLegacyUsed(ipv4) ? IptablesLayout.OfSaved(new IptablesTool(ipv4, LegacyFlavour).Save(IptablesLayout.Table)) : [];

    /// <summary>Tells whether the old tables of a family hold anything.</summary>
    internal static bool IsLegacyUsed(bool ipv4) => LegacyTables.IsUsed(ipv4, IptablesLayout.Table);

    /// <summary>Removes the rules of addresses from the old tables of one family.</summary>
    internal static void RemoveLegacy(FirewallTarget target, bool ipv4)
    {
        var own = new HashSet<string>();
        foreach (var address in target.AddressesOf(ipv4))
        {
            own.Add(IptablesLayout.SourceRule(address));
            own.Add(IptablesLayout.ReplyRule(address));
        }

        if (own.Count == 0)
            return;
        var tool = new IptablesTool(ipv4, LegacyFlavour);
        for (var attempt = 1; ; attempt++)
        {
            var commands = new StringBuilder();
            foreach (var line in tool.Save(IptablesLayout.Table))
            {
                if (own.Contains(IptablesLayout.Normal(line)))
                    commands.Append("-D").Append(line.AsSpan(2)).Append('\n');
            }

            if (commands.Length == 0)
                return;
            try
            {
                tool.Restore(IptablesLayout.Table, commands.ToString());
                return;
            }
            catch (CniException) when (attempt < Attempts)
            {
                // Somebody else removed one of them meanwhile.
            }
        }
    }

    private static void Add(FirewallTarget target, bool ipv4, bool legacy)
    {
        var program = $"{(ipv4 ? "iptables" : "ip6tables")}-legacy-restore";
        if (legacy && !IsLegacyDefault(ipv4) && IptablesTool.Find(program) is null)
            throw new CniException(CniError.Internal, $"{program} is not installed");
        var tool = new IptablesTool(ipv4, legacy ? LegacyFlavour : "");
        var wanted = IptablesLayout.Wanted(target, ipv4);
        var last = "";
        for (var attempt = 1; ; attempt++)
        {
            // Chains are made by -N, which fails if another process was faster: to declare one as iptables-save does would empty it.
            var commands = IptablesLayout.Commands(Read(target, ipv4, legacy), wanted);
            if (commands.Length == 0)
                return;
            try
            {
                tool.Restore(IptablesLayout.Table, commands);
                return;
            }
            catch (CniException) when (attempt < Attempts && commands != last)
            {
                last = commands;
            }
        }
    }

    private static HashSet<string> Read(FirewallTarget target, bool ipv4, bool legacy)
    {
        if (legacy)
            return ReadLegacy(ipv4);
        using var nft = NftablesSocket.Open();
        return IptablesOnNftFirewall.Read(nft, target, ipv4);
    }
}
