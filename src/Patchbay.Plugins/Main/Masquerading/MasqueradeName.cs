using System.Text;
using Patchbay.Cni.Plugin;
using Patchbay.Plugins.Naming;

namespace Patchbay.Plugins.Main.Masquerading;

/// <summary>What the rules of one interface of a container are found by.</summary>
internal sealed class MasqueradeName(string network, string containerId, string ifName)
{
    private const int LongestNftComment = 128;
    private const int LongestIptablesComment = 255; // XT_MAX_COMMENT_LEN, less the terminating zero

    internal MasqueradeName(PluginRequest request)
        : this(request.Config.Name, request.ContainerId, request.IfName)
    {
    }

    /// <summary>The container.</summary>
    internal string ContainerId { get; } = containerId;

    /// <summary>The interface in the container.</summary>
    internal string IfName { get; } = ifName;

    /// <summary>The chain in iptables of the first interface that the container has on the network.</summary>
    internal string Chain { get; } = NameHash.Chain(IptablesChainPrefix, network, containerId);

    /// <summary>The chain in iptables of a further interface there.</summary>
    internal string FurtherChain => NameHash.FurtherChain(IptablesChainPrefix, network, ContainerId, IfName);

    /// <summary>The start of the comment in nf_tables, of the interface on the network.</summary>
    internal string Mark { get; } = $"{NameHash.Network(network)}-{NameHash.Instance(ifName, containerId)}";

    /// <summary>The comment in nf_tables.</summary>
    internal string NftComment => Cut($"{Mark}, net: {network}, if: {IfName}, id: {ContainerId}".Replace("\"", "", StringComparison.Ordinal), LongestNftComment);

    /// <summary>The comment in iptables.</summary>
    internal string IptablesComment => Cut($"{IptablesCommentPrefix(network)}{ContainerId}\"", LongestIptablesComment);

    internal const string IptablesChainPrefix = "CNI-";

    /// <summary>The start of the iptables comments of a network.</summary>
    internal static string IptablesCommentPrefix(string network) => $"name: \"{network}\" id: \"";

    private static string Cut(string text, int bytes)
    {
        while (Encoding.UTF8.GetByteCount(text) > bytes)
            text = text[..^1];
        return text;
    }
}
