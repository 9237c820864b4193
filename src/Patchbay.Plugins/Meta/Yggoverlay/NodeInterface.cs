using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Meta.Yggoverlay;

/// <summary>The node's own interface. A node answers just as well without one, and a socket is reached from other namespaces; packets are not.</summary>
internal static class NodeInterface
{
    /// <summary>The node's address must be the host's.</summary>
    /// <remarks>Asked of the kernel: the question for it has two names and three answers among the generations, and would be another round trip.</remarks>
    /// <exception cref="CniException">It is not; with the code told.</exception>
    internal static void Require(RouteSocket host, NodeInfo node, uint code)
    {
        if (node.Address is not { } address || host.ListAddresses().Any(each => each.Address.Equals(address)))
            return;
        throw new CniException(code, $"yggoverlay: no interface of this host has the Yggdrasil node's address {address}: its TUN interface is off (IfName \"none\"), is just being made, or is in another network namespace");
    }
}
