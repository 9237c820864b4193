using System.Globalization;
using Patchbay.Cni.Model;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Wrapper.Iptables;

/// <summary>Makes and removes chains of containers by iptables-restore(8), under the lock that the policy agent takes too.</summary>
internal static class IptablesChains
{
    private const int Attempts = 4;

    /// <summary>Applies a script.</summary>
    internal static void Apply(IptablesLock? @lock, IptablesScript script)
    {
        using var alone = @lock?.Take();
        new IptablesTool(ipv4: true).RestoreTables(script.ToString());
    }

    /// <summary>Removes chains and what leads to them, and other rules. What is not there is no error.</summary>
    /// <param name="lock">What the agent takes too; null for nothing.</param>
    /// <param name="chains">The chains, by table.</param>
    /// <param name="isMeant">Tells of another rule of a table whether it goes too.</param>
    internal static void Remove(IptablesLock? @lock, IReadOnlyDictionary<string, string[]> chains, Func<string, string, bool> isMeant)
    {
        if (IptablesTool.Find("iptables-restore") is null)
            return; // then nobody has made any
        using var alone = @lock?.Take();
        for (var attempt = 1; ; attempt++)
        {
            var tool = new IptablesTool(ipv4: true);
            var script = Removal(tool.SaveTables(), chains, isMeant);
            if (script.IsEmpty)
                return;
            try
            {
                tool.RestoreTables(script.ToString());
                return;
            }
            catch (CniException) when (attempt < Attempts)
            {
                // Somebody else changed the same rules; they are looked at once more.
            }
        }
    }

    /// <summary>The commands that remove chains from what iptables-save(8) printed.</summary>
    internal static IptablesScript Removal(IEnumerable<string> saved, IReadOnlyDictionary<string, string[]> chains, Func<string, string, bool> isMeant)
    {
        var script = new IptablesScript();
        var there = new List<(string Table, string Chain)>();
        var table = "";
        foreach (var line in saved)
        {
            if (line.StartsWith('*'))
                table = line[1..];
            var own = chains.TryGetValue(table, out var names) ? names : [];
            if (line.StartsWith(':') && Array.IndexOf(own, line[1..].Split(' ')[0]) >= 0)
            {
                there.Add((table, line[1..].Split(' ')[0]));
                script.Chain(table, there[^1].Chain);
            }
            else if (line.StartsWith("-A ", StringComparison.Ordinal) && line.Split(' ') is [_, var inside, ..] words && Array.IndexOf(own, inside) < 0
                && ((words is [.., "-j" or "-g", var target] && Array.IndexOf(own, target) >= 0) || isMeant(table, line)))
            {
                script.Rule(table, string.Create(CultureInfo.InvariantCulture, $"-D{line.AsSpan(2)}"));
            }
        }

        // The chains were emptied by their lines at the beginning, so none leads to another any more.
        foreach (var (of, chain) in there)
            script.Rule(of, $"-X {chain}");
        return script;
    }

    /// <summary>Tells, without a program, whether one of some chains may be there.</summary>
    internal static bool MayExist(NftablesSocket nft, IReadOnlyDictionary<string, string[]> chains)
    {
        foreach (var (table, names) in chains)
        {
            if (LegacyTables.IsUsed(ipv4: true, table) || nft.FindChains([.. names.Select(name => (NftFamily.Ip, table, name))]).Any(chain => chain is not null))
                return true;
        }

        return false;
    }
}
