using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Naming;

namespace Patchbay.Plugins.Meta.Bandwidth;

/// <summary>The two names that an attachment's ifb may have, and the alias that says whose it is.</summary>
/// <remarks>
/// The reference plugin's name is of network and container alone. The first attachment takes it, so that either side removes what the other made;
/// a further one, whose interface is another, takes a name of its own.
/// </remarks>
internal sealed class IfbName(string network, string containerId, string ifName)
{
    /// <summary>How all of these names begin.</summary>
    internal const string Prefix = "bwp";

    private const int NameLength = 15;
    private const int LongestAlias = 255; // IFALIASZ, less the terminating zero

    internal IfbName(PluginRequest request)
        : this(request.Config.Name, request.ContainerId, request.IfName)
    {
    }

    /// <summary>The reference plugin's name, of the container on the network.</summary>
    internal string Shared { get; } = NameHash.Link(Prefix, network, containerId);

    /// <summary>The name of this very attachment; a slash is in none of its parts.</summary>
    internal string Own { get; } = NameHash.Cut(Prefix, $"{network}/{containerId}/{ifName}", NameLength);

    /// <summary>What the alias of this attachment's ifb begins with.</summary>
    internal string Mark { get; } = MarkOf(network, containerId, ifName);

    /// <summary>The alias: the mark, then for people what it is made of.</summary>
    internal string Alias
    {
        get
        {
            var text = $"{Mark}, net: {network}, if: {ifName}, id: {containerId}";
            while (Encoding.UTF8.GetByteCount(text) > LongestAlias)
                text = text[..^1];
            return text;
        }
    }

    /// <summary>Whether a link bears this attachment's mark.</summary>
    internal bool Marks(Link? link) => link?.Alias?.StartsWith(Mark, StringComparison.Ordinal) == true;

    /// <summary>The alias of another attachment of the same container, for an ifb that bears none.</summary>
    internal string AliasOf(string otherInterface) => new IfbName(network, containerId, otherInterface).Alias;

    /// <summary>Whether an ifb belongs to the network and to none of the attachments. One without a mark is nobody's business: its name tells no network.</summary>
    internal static bool IsStale(Link ifb, string network, IReadOnlyList<CniAttachment> valid)
    {
        if (ifb.Alias is not { } alias || !ifb.Name.StartsWith(Prefix, StringComparison.Ordinal) || !alias.StartsWith($"{NameHash.Network(network)}-", StringComparison.Ordinal))
            return false;
        foreach (var attachment in valid)
        {
            if (alias.StartsWith(MarkOf(network, attachment.ContainerId, attachment.IfName), StringComparison.Ordinal))
                return false;
        }

        return true;
    }

    private static string MarkOf(string network, string containerId, string ifName) => $"{NameHash.Network(network)}-{NameHash.Instance(ifName, containerId)}";
}
