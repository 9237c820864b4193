using System.Net;
using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Plugins.Naming;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>The names of what one interface of a container on one network has.</summary>
internal sealed class PortOwner(string network, string containerId, string ifName)
{
    private const int LongestNftComment = 128;
    private const int LongestIptablesComment = 255; // XT_MAX_COMMENT_LEN, less the terminating zero
    private const string Cut = "...";

    internal PortOwner(PluginRequest request)
        : this(request.Config.Name, request.ContainerId, request.IfName)
    {
    }

    internal string Network => network;

    internal string ContainerId => containerId;

    internal string IfName => ifName;

    /// <summary>The map, and with conditions the chain, that the interface has in nf_tables.</summary>
    internal string Name { get; } = $"{Prefix(network)}{NameHash.Instance(ifName, containerId)}";

    /// <summary>What it says there.</summary>
    internal string Comment => Shorten($"{containerId}, if: {ifName}, net: {network}", LongestNftComment);

    /// <summary>The chain in iptables of the first interface that the container has on the network.</summary>
    internal string Chain => NameHash.Chain(ChainPrefix, network, containerId);

    /// <summary>The chain in iptables of a further interface there.</summary>
    internal string FurtherChain => NameHash.FurtherChain(ChainPrefix, network, containerId, ifName);

    /// <summary>The chain of releases of the reference before 0.7, for source translation.</summary>
    internal string OldSourceChain => NameHash.Chain("CNI-SN-", network, containerId);

    /// <summary>The comment of the jump to it.</summary>
    internal string ChainComment => Shorten($"{ChainCommentPrefix(network)}{containerId}\"", LongestIptablesComment);

    internal const string ChainPrefix = "CNI-DN-";

    /// <summary>What the names of a network's maps and chains in nf_tables begin with.</summary>
    internal static string Prefix(string network) => $"cni-{NameHash.Network(network)}-";

    internal static string ChainCommentPrefix(string network) => $"dnat name: \"{network}\" id: \"";

    /// <summary>The container in a comment of either backend; what was cut off is shown to be.</summary>
    internal static string ContainerOf(string comment)
    {
        const string Id = " id: \"";
        var start = comment.IndexOf(Id, StringComparison.Ordinal);
        if (start >= 0)
            return comment[(start + Id.Length)..].TrimEnd('"');
        return comment.IndexOf(", if: ", StringComparison.Ordinal) is >= 0 and var end ? comment[..end] : comment;
    }

    internal static CniException Taken(PortMapping mapping, bool ipv4, string owner) => new(
        CniError.InvalidNetworkConfig,
        $"{mapping.Text(ipv4)} is already mapped to container \"{owner}\"",
        "choose another hostPort or hostIP, or end that container; what a dead one left is removed by its DEL or by GC");

    private static string Shorten(string text, int bytes)
    {
        if (Encoding.UTF8.GetByteCount(text) <= bytes)
            return text;
        while (Encoding.UTF8.GetByteCount(text) > bytes - Cut.Length)
            text = text[..^1];
        return text + Cut;
    }
}
