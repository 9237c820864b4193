using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Main.Bridge;

/// <summary>The VLANs of a container's port.</summary>
internal static class BridgePorts
{
    private const ushort DefaultVlan = 1;

    /// <summary>Adds the requests that give a port its VLANs.</summary>
    /// <param name="route">The host.</param>
    /// <param name="batch">Enslaves the port; the VLANs come after. It may be carried out on the way.</param>
    /// <param name="port">Index of the port.</param>
    /// <param name="access">The VLAN of untagged frames; 0 for none.</param>
    /// <param name="trunk">VLANs of tagged frames, in order.</param>
    /// <param name="preserveDefault">Keep the VLAN that the bridge gave the port.</param>
    internal static void SetVlans(RouteSocket route, NetlinkBatch batch, int port, int access, IReadOnlyList<int> trunk, bool preserveDefault)
    {
        if (access == 0 && trunk.Count == 0)
            return;
        if (!preserveDefault)
        {
            // What the bridge gave the port is only known once it is one.
            route.Execute(batch);
            batch.Clear();
            var given = route.ListBridgeVlans(port);
            if (given.Count > 0)
                batch.DeleteBridgeVlans(port, given);
        }

        var vlans = new List<BridgeVlan>();
        foreach (var id in trunk)
            vlans.Add(new BridgeVlan((ushort)id));
        // A trunk without access VLAN takes untagged frames into VLAN 1, as the reference does.
        vlans.Add(new BridgeVlan(access == 0 ? DefaultVlan : (ushort)access, Pvid: true, Untagged: true));
        batch.AddBridgeVlans(port, vlans);
    }
}
