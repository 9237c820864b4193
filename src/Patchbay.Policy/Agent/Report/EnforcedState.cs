using System.Globalization;
using System.Runtime.InteropServices;
using Patchbay.Netlink.Netfilter;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Native;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Policy.Agent.Report;

/// <summary>What the kernel of this host enforces now, read from its table; whether the agent runs does not matter.</summary>
internal sealed class EnforcedState
{
    private EnforcedState(TableReader kernel)
    {
        TableImage image = kernel.Image;
        HasRules = kernel.HasForward && image.Chains.TryGetValue(AgentTable.Policies, out IReadOnlyList<NftRule>? rules) && rules.Count > 0
            && AgentTable.ForwardRules.All(wanted => kernel.Forward.Exists(wanted.DoesSameAs));
        Containers = [.. image.Elements[AgentTable.Isolated.Name].Values.Select(each => new LocalContainer(each.Comment ?? "?", AgentTable.ToAddress(each))).OrderBy(each => each.Address)];
        SourceTags = image.Elements[AgentTable.SourceTags.Name].Values.ToDictionary(AgentTable.ToAddress, each => MemoryMarshal.Read<uint>(each.Data.Value.Span));
        Allowed = image.Elements[AgentTable.Allowed.Name].Values.Concat(image.Elements[AgentTable.AllowedRanges.Name].Values)
            .Select(each => (Ports: AgentTable.ToAllowed(each), Apps: Apps(each.Comment)))
            .OrderBy(each => each.Ports.Address).ThenBy(each => each.Ports.Tag).ThenBy(each => each.Ports.Protocol).ThenBy(each => each.Ports.First).ToList();
        Groups = image.Elements[AgentTable.SecurityGroups.Name].Values.ToDictionary(AgentTable.ToAddress, each => each.Data.Verdict?.Chain ?? "");
        foreach ((string name, IReadOnlyList<NftRule> each) in image.Chains)
            RuleCounts[name] = each.Count;
    }

    /// <summary>Whether packets go through the policies at all.</summary>
    internal bool HasRules { get; }

    /// <summary>The containers that are closed but for what policies allow.</summary>
    internal IReadOnlyList<LocalContainer> Containers { get; }

    internal IReadOnlyDictionary<Ipv4, uint> SourceTags { get; }

    internal IReadOnlyList<(AllowedPorts Ports, AppPair Apps)> Allowed { get; }

    /// <summary>The chain of a container's security groups.</summary>
    internal IReadOnlyDictionary<Ipv4, string> Groups { get; }

    /// <summary>How many rules each of the agent's chains has.</summary>
    internal Dictionary<string, int> RuleCounts { get; } = [];

    /// <summary>Whether a rule before the policies lets everything within the overlay pass.</summary>
    internal bool IsUnrestricted => RuleCounts.GetValueOrDefault(AgentTable.Policies) > 2;

    /// <exception cref="Netlink.NetlinkException">This is not root, or the kernel has no nf_tables.</exception>
    internal static EnforcedState Read()
    {
        using var nft = NftablesSocket.Open();
        return new EnforcedState(TableReader.Read(nft));
    }

    /// <summary>A tag as rules show it.</summary>
    internal static string Format(uint tag) => tag.ToString("x4", CultureInfo.InvariantCulture);

    // "src:A_dst:B": ids may have "_" in them, but a text that looks like the middle is no id.
    private static AppPair Apps(string? comment)
    {
        int middle = comment?.IndexOf("_dst:", StringComparison.Ordinal) ?? -1;
        return middle > 4 ? new AppPair(comment![4..middle], comment[(middle + 5)..]) : default;
    }
}
