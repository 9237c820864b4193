using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Policy.Agent.Containers;

namespace Patchbay.Policy.Agent.Native;

/// <summary>Packets between containers of one bridge are switched, not routed: rules see them only where the kernel is told to show them (module br_netfilter).</summary>
internal static class BridgedContainers
{
    private const string Setting = "net/bridge/bridge-nf-call-iptables";

    /// <summary>What is wrong for some containers; nothing where they have no bridge, or their packets are shown.</summary>
    internal static IEnumerable<string> Problems(IEnumerable<LocalContainer> containers)
    {
        if (Sysctl.Read(Setting) == "1")
            return [];
        using var routes = RouteSocket.Open();
        Dictionary<int, string> bridges = routes.ListLinks("bridge").ToDictionary(each => each.Index, each => each.Name);
        var networks = routes.ListAddresses().Where(each => bridges.ContainsKey(each.Link) && each.Address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork).ToList();
        return networks.Where(network => containers.Any(each => Contains(network, each.Address))).Select(each => bridges[each.Link]).Distinct()
            .Select(each => $"bridge {each} switches packets between its containers past all rules, so policies do not hold there: modprobe br_netfilter, and set {Setting.Replace('/', '.')} to 1");
    }

    private static bool Contains(InterfaceAddress network, Ipv4 address)
    {
        uint mask = network.PrefixLength == 0 ? 0 : uint.MaxValue << (32 - network.PrefixLength);
        return ((Ipv4.Of(network.Address.GetAddressBytes()).Number ^ address.Number) & mask) == 0;
    }
}
