using System.Text;

namespace Patchbay.Plugins.Naming;

/// <summary>Names of things in the kernel that belong to one container or network: SHA-512 in lower-case hexadecimal, cut.</summary>
/// <remarks>They are those of the reference plugins, so that either side finds and removes what the other made.</remarks>
internal static class NameHash
{
    private const int ChainLength = 28; // what iptables allows, less the terminating zero
    private const int LinkLength = 15;  // IFNAMSIZ, less the terminating zero
    private const int ShortLength = 16;

    /// <summary>The iptables chain of one container on one network.</summary>
    /// <param name="prefix"><c>CNI-</c> for masquerading, <c>CNI-DN-</c> for port mappings.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="containerId">The container.</param>
    internal static string Chain(string prefix, string network, string containerId) => Cut(prefix, network + containerId, ChainLength);

    /// <summary>The iptables chain of an interface that is not the container's first one on the network; the reference has none.</summary>
    /// <remarks>No container id has a colon, so none leads to the same name.</remarks>
    internal static string FurtherChain(string prefix, string network, string containerId, string ifName) => Chain(prefix, network, $"{containerId}:{ifName}");

    /// <summary>The link of one container on one network.</summary>
    /// <param name="prefix"><c>bwp</c> for the ifb of the bandwidth plugin.</param>
    /// <param name="network">The network's name.</param>
    /// <param name="containerId">The container.</param>
    internal static string Link(string prefix, string network, string containerId) => Cut(prefix, network + containerId, LinkLength);

    /// <summary>A network in the comment of a rule.</summary>
    /// <param name="network">The network's name.</param>
    internal static string Network(string network) => Cut("", network, ShortLength);

    /// <summary>One interface of a container in the comment of a rule.</summary>
    /// <param name="ifName">The interface in the container.</param>
    /// <param name="containerId">The container.</param>
    internal static string Instance(string ifName, string containerId) => Cut("", $"{ifName}:{containerId}", ShortLength);

    /// <summary>A prefix and the hash of a text, cut to a length.</summary>
    internal static string Cut(string prefix, string text, int length) =>
        string.Concat(prefix, Convert.ToHexStringLower(Sha512.Hash(Encoding.UTF8.GetBytes(text))).AsSpan(0, length - prefix.Length));
}
