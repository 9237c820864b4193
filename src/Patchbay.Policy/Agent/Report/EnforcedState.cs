using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using Patchbay.Netlink.Netfilter;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Native;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Policy.Agent.Report;

/// <summary>What the kernel of this host enforces now, read from its table; whether the agent runs does not matter.</summary>
internal sealed class EnforcedState
{
    private readonly NftRule? _unrestricted;

    private EnforcedState(TableReader kernel, Dictionary<Ipv4, string> wrapped)
    {
        Wrapped = wrapped;
        Closing = kernel.Closing;
        TableImage image = kernel.Image;
        IReadOnlyList<NftRule>? rules = image.Chains.GetValueOrDefault(AgentTable.Policies);
        HasRules = kernel.HasForward && rules is { Count: > 0 }
            && AgentTable.ForwardRules.All(wanted => kernel.Forward.Exists(wanted.DoesSameAs));
        Containers = [.. image.Elements[AgentTable.Isolated.Name].Values.Select(each => new LocalContainer(each.Comment ?? "?", AgentTable.ToAddress(each))).OrderBy(each => each.Address)];
        SourceTags = image.Elements[AgentTable.SourceTags.Name].Values.ToDictionary(AgentTable.ToAddress, each => MemoryMarshal.Read<uint>(each.Data.Value.Span));
        Allowed = image.Elements[AgentTable.Allowed.Name].Values.Concat(image.Elements[AgentTable.AllowedRanges.Name].Values)
            .Select(each => (Ports: AgentTable.ToAllowed(each), Apps: AgentTable.AppsOf(each)))
            .OrderBy(each => each.Ports.Address).ThenBy(each => each.Ports.Tag).ThenBy(each => each.Ports.Protocol).ThenBy(each => each.Ports.First).ToList();
        Groups = image.Elements[AgentTable.SecurityGroups.Name].Values.ToDictionary(AgentTable.ToAddress, each => each.Data.Verdict?.Chain ?? "");
        _unrestricted = rules is { Count: > 2 } ? rules[0] : null;
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

    /// <summary>The chain of the CNI wrapper's that packets to a container come to when no policy accepts them.</summary>
    internal IReadOnlyDictionary<Ipv4, string> Wrapped { get; }

    /// <summary>Base chains of others that drop what nobody accepts there.</summary>
    internal IReadOnlyList<string> Closing { get; }

    /// <summary>Whether a rule before the policies lets everything within the overlay pass.</summary>
    internal bool IsUnrestricted => _unrestricted is not null;

    /// <summary>Whether that rule accepts packets between two addresses.</summary>
    internal bool AcceptsAnything(Ipv4 source, Ipv4 destination)
    {
        // The rule has one network for both ends, of whatever length.
        for (int length = 32; _unrestricted is not null && length >= 0; length--)
        {
            uint mask = length == 0 ? 0 : uint.MaxValue << (32 - length);
            IPAddress network = new Ipv4(source.Number & mask).ToAddress();
            if ((source.Number & mask) == (destination.Number & mask) && _unrestricted.DoesSameAs(TableImage.Unrestricted(new IPNetwork(network, length))))
                return true;
        }

        return false;
    }

    /// <exception cref="Netlink.NetlinkException">This is not root, or the kernel has no nf_tables.</exception>
    internal static EnforcedState Read()
    {
        using var nft = NftablesSocket.Open();
        NftSet containers = AgentTable.WrappersContainers;
        Dictionary<Ipv4, string> wrapped = nft.SetsExist((containers.Family, containers.Table, containers.Name))[0]
            ? nft.ListElements(containers).ToDictionary(AgentTable.ToAddress, each => each.Data.Verdict?.Chain ?? "")
            : [];
        return new EnforcedState(TableReader.Read(nft), wrapped);
    }

    /// <summary>A tag as rules show it.</summary>
    internal static string Format(uint tag) => tag.ToString("x4", CultureInfo.InvariantCulture);
}
