using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Interfaces;

/// <summary>Compares what a result promised with what the kernel has, for CHECK.</summary>
internal static class InterfaceCheck
{
    /// <summary>The interface that the result has under a name, in the sandbox that the call names.</summary>
    /// <exception cref="CniException">The result has no such interface, or in another sandbox.</exception>
    internal static CniInterface Find(CniResult result, string name, string netns)
    {
        CniInterface? elsewhere = null;
        foreach (var candidate in result.Interfaces)
        {
            if (candidate.Name != name)
                continue;
            if (candidate.Sandbox is null)
                continue; // the host may have one of the same name, a bridge say
            if (Sandbox.IsSame(candidate.Sandbox, netns))
                return candidate;
            elsewhere = candidate;
        }

        if (elsewhere is not null)
            throw Failed($"Sandbox in prevResult {elsewhere.Sandbox} doesn't match configured netns: {netns}");
        throw Failed($"prevResult has no interface \"{name}\"");
    }

    /// <summary>The link of an interface of the result, which must exist with that Ethernet address.</summary>
    /// <exception cref="CniException">It is missing, or its address is another.</exception>
    internal static Link Present(RouteSocket route, CniInterface expected, string role)
    {
        var link = route.FindLink(expected.Name) ?? throw Failed($"{role} interface \"{expected.Name}\" not found");
        if (!string.IsNullOrEmpty(expected.Mac) && !string.Equals(link.Address?.ToString(), expected.Mac, StringComparison.OrdinalIgnoreCase))
            throw Failed($"{role} interface \"{expected.Name}\" has Mac {link.Address} where prevResult has {expected.Mac}");
        return link;
    }

    /// <summary>The result's addresses must be on the link, each with a route to its network.</summary>
    /// <exception cref="CniException">One is missing.</exception>
    internal static void Addresses(RouteSocket route, Link link, CniResult result)
    {
        var present = route.ListAddresses(link.Index);
        var routes = new RouteLists(route);
        foreach (var ip in result.Ips)
        {
            if (ip.Interface is { } index && (index < 0 || index >= result.Interfaces.Count || result.Interfaces[index].Name != link.Name))
                continue; // another interface's
            if (!present.Any(a => a.Address.Equals(ip.Address.Address) && a.PrefixLength == ip.Address.PrefixLength))
                throw Failed($"Failed to match addr {ip.Address} on interface {link.Name}");
            // Any table: source-based routing and VRFs move the connected route out of the main one.
            var network = ip.Address.Network;
            if (!routes.Of(RouteSocket.FamilyOf(ip.Address.Address)).Any(r => r.Destination is { } d && d.Equals(network)))
                throw Failed($"Failed to find route to {network} of address {ip.Address} on interface {link.Name}");
        }
    }

    /// <summary>The result's routes must be there: destination, gateway when given, table when given.</summary>
    /// <exception cref="CniException">One is missing.</exception>
    internal static void Routes(RouteSocket route, CniResult result)
    {
        var routes = new RouteLists(route);
        foreach (var expected in result.Routes)
        {
            var network = expected.Dst.Network;
            var isDefault = network.PrefixLength == 0;
            var gateway = System.Net.IPAddress.Any.Equals(expected.Gw) ? null : expected.Gw; // 0.0.0.0 says that there is none
            var found = routes.Of(RouteSocket.FamilyOf(network.BaseAddress)).Any(r =>
                (isDefault ? r.Destination is null && r.Type == RouteType.Unicast : r.Destination is { } d && d.Equals(network))
                && (isDefault || gateway is null || gateway.Equals(r.Gateway) || r.NextHops.Any(hop => gateway.Equals(hop.Gateway)))
                && (expected.Table is not { } table || r.Table == (uint)table));
            if (!found)
                throw Failed($"Expected Route {expected.Dst}{(expected.Gw is null ? "" : $" via {expected.Gw}")}{(expected.Table is null ? "" : $" table {expected.Table}")} not found in routing table");
        }
    }

    /// <summary>An error of CHECK.</summary>
    internal static CniException Failed(string text) => new(CniError.Internal, text);

    // Both families are listed at most once, and only when a result has addresses of them.
    private sealed class RouteLists(RouteSocket socket)
    {
        private IReadOnlyList<Route>? _ipv4;
        private IReadOnlyList<Route>? _ipv6;

        internal IReadOnlyList<Route> Of(AddressFamily family) => family == AddressFamily.IPv4
            ? _ipv4 ??= socket.ListRoutes(AddressFamily.IPv4, table: 0)
            : _ipv6 ??= socket.ListRoutes(AddressFamily.IPv6, table: 0);
    }
}
