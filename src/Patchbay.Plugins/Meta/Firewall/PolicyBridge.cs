using Patchbay.Cni.Model;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>The bridge by which a container reaches the host, and the container's port of it.</summary>
/// <param name="Devices">The interfaces by which the host routes for the container: the bridge, or its VLAN's gateway interface as well.</param>
/// <param name="Port">The port; null when the result does not name it.</param>
internal sealed record PolicyBridge(IReadOnlyList<string> Devices, string? Port)
{
    /// <summary>Finds the bridge among the host's interfaces of a result: one that is a bridge, or the master of one.</summary>
    /// <remarks>The first interface of a result need not be it: plugins add to a result, and ptp and others have no bridge.</remarks>
    /// <exception cref="CniException">Code 7: there is none.</exception>
    internal static PolicyBridge Find(CniResult result, string policy)
    {
        using var route = RouteSocket.Open();
        string? bridge = null, port = null, bridgeOfPort = null;
        var seen = new List<string>();
        foreach (var each in result.Interfaces)
        {
            if (each.Sandbox is not null || !IsUsable(each.Name))
                continue;
            if (route.FindLink(each.Name) is not { } link)
            {
                seen.Add($"{each.Name} (missing)");
            }
            else if (link.Kind == Bridge.KindName)
            {
                bridge ??= link.Name;
            }
            else if (port is null && link.Master > 0 && route.FindLink(link.Master) is { Kind: Bridge.KindName } master)
            {
                (port, bridgeOfPort) = (link.Name, master.Name);
            }
            else
            {
                seen.Add($"{each.Name} ({link.Kind ?? "a physical interface"})");
            }
        }

        bridge = bridgeOfPort ?? bridge ?? throw new CniException(
            CniError.InvalidNetworkConfig,
            $"interface needs to be set for ingress policy \"{policy}\": none of the host's interfaces in prevResult is a bridge or a port of one",
            seen.Count == 0 ? "prevResult names no interface of the host" : string.Join(", ", seen));
        var devices = new List<string> { bridge };
        foreach (var each in result.Interfaces)
        {
            // bridge with "vlan": the gateway of the VLAN is an interface BRIDGE.VLAN, and what is routed comes and goes by that.
            if (each.Sandbox is null && each.Name.StartsWith($"{bridge}.", StringComparison.Ordinal) && IsUsable(each.Name) && !devices.Contains(each.Name) && route.FindLink(each.Name) is not null)
                devices.Add(each.Name);
        }

        return new PolicyBridge(devices, port);
    }

    // What comes into a rule as a word of iptables-restore(8): a trailing + would match every name that begins so, ! and quotes mean something.
    private static bool IsUsable(string name)
    {
        if (name.Length is 0 or > 15 || name is "." or ".." || name[0] is '-' or '!' || name[^1] is '+' or '*')
            return false;
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.' or '@' or '+' or '='))
                return false;
        }

        return true;
    }
}
