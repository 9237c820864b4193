using System.Text;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>Requests about links, for a <see cref="NetlinkBatch"/>.</summary>
public static class LinkRequests
{
    /// <summary>Creates a link: <c>ip link add NAME type KIND …</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="link">Its name, kind and settings.</param>
    /// <param name="tolerate">For example <see cref="Tolerated.Existing"/>.</param>
    /// <exception cref="ArgumentException">The settings have an alias, which the kernel forgets when it creates a link.</exception>
    public static void AddLink(this NetlinkBatch batch, LinkSettings link, Tolerated tolerate = Tolerated.Nothing)
    {
        ArgumentNullException.ThrowIfNull(link);
        link.ThrowIfNotCreatable();
        batch.Begin(RouteMessageType.NewLink, NetlinkFlags.Create | NetlinkFlags.Exclusive, "add link", link.Name, tolerate);
        link.Write(batch.Writer, index: 0);
        batch.End();
    }

    /// <summary>Changes a link: <c>ip link set dev NAME …</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="index">Its index; 0 to find it by the name in the settings, which is then no new name.</param>
    /// <param name="link">What changes.</param>
    /// <param name="tolerate">For example <see cref="Tolerated.Missing"/>.</param>
    public static void SetLink(this NetlinkBatch batch, int index, LinkSettings link, Tolerated tolerate = Tolerated.Nothing)
    {
        // RTM_NEWLINK without CREATE changes an existing link; unlike RTM_SETLINK it also takes IFLA_LINKINFO.
        batch.Begin(RouteMessageType.NewLink, NetlinkFlags.None, "set link", link.Name ?? (object)index, tolerate);
        link.Write(batch.Writer, index);
        batch.End();
    }

    /// <summary>Deletes a link, and with it the other end of a veth: <c>ip link del dev NAME</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="name">Its name, also an alternative one.</param>
    /// <param name="tolerate">For example <see cref="Tolerated.Missing"/>.</param>
    public static void DeleteLink(this NetlinkBatch batch, string name, Tolerated tolerate = Tolerated.Nothing)
    {
        batch.Begin(RouteMessageType.DeleteLink, NetlinkFlags.None, "delete link", name, tolerate);
        batch.Writer.Fixed(default(InterfaceHeader));
        WriteName(batch.Writer, name);
        batch.End();
    }

    /// <summary>Deletes a link by index.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="index">Its index.</param>
    /// <param name="tolerate">For example <see cref="Tolerated.Missing"/>.</param>
    public static void DeleteLink(this NetlinkBatch batch, int index, Tolerated tolerate = Tolerated.Nothing)
    {
        batch.Begin(RouteMessageType.DeleteLink, NetlinkFlags.None, "delete link", index, tolerate);
        batch.Writer.Fixed(new InterfaceHeader { Index = index });
        batch.End();
    }

    /// <summary>Deletes all links of a group at once: <c>ip link del group N</c>. One wait of the kernel for all of them, where each alone has its own.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="group">The number.</param>
    /// <param name="tolerate">For example <see cref="Tolerated.Missing"/>.</param>
    public static void DeleteLinkGroup(this NetlinkBatch batch, uint group, Tolerated tolerate = Tolerated.Nothing)
    {
        batch.Begin(RouteMessageType.DeleteLink, NetlinkFlags.None, "delete links of group", group, tolerate);
        batch.Writer.Fixed(default(InterfaceHeader));
        batch.Writer.U32(Ifla.Group, group);
        batch.End();
    }

    /// <summary>Asks for a link by name: <c>ip link show dev NAME</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="name">Its name, also an alternative one.</param>
    /// <param name="found">Receives it; not called when there is none.</param>
    /// <param name="tolerate"><see cref="Tolerated.Missing"/> when its absence is no error.</param>
    public static void GetLink(this NetlinkBatch batch, string name, Action<Link> found, Tolerated tolerate = Tolerated.Nothing)
    {
        batch.Begin(RouteMessageType.GetLink, NetlinkFlags.None, "find link", name, tolerate, (scoped in MessageReader message) => found(Link.Decode(message)));
        batch.Writer.Fixed(default(InterfaceHeader));
        WriteName(batch.Writer, name);
        batch.Writer.U32(Ifla.ExtendedMask, Ifla.WithoutStatistics);
        batch.End();
    }

    /// <summary>Asks for a link by index.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="index">Its index.</param>
    /// <param name="found">Receives it; not called when there is none.</param>
    /// <param name="tolerate"><see cref="Tolerated.Missing"/> when its absence is no error.</param>
    public static void GetLink(this NetlinkBatch batch, int index, Action<Link> found, Tolerated tolerate = Tolerated.Nothing)
    {
        batch.Begin(RouteMessageType.GetLink, NetlinkFlags.None, "find link", index, tolerate, (scoped in MessageReader message) => found(Link.Decode(message)));
        batch.Writer.Fixed(new InterfaceHeader { Index = index });
        batch.Writer.U32(Ifla.ExtendedMask, Ifla.WithoutStatistics);
        batch.End();
    }

    /// <summary>Changes a bridge port: <c>bridge link set dev NAME hairpin on</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="index">Index of the port.</param>
    /// <param name="port">What changes.</param>
    public static void SetBridgePort(this NetlinkBatch batch, int index, BridgePort port)
    {
        batch.Begin(RouteMessageType.SetLink, NetlinkFlags.None, "set bridge port", index);
        batch.Writer.Fixed(new InterfaceHeader { Family = (byte)AddressFamily.Bridge, Index = index });
        using (batch.Writer.Nested(Ifla.ProtocolInfo))
            port.Write(batch.Writer);
        batch.End();
    }

    /// <summary>Adds VLANs to a bridge port: <c>bridge vlan add vid N dev NAME pvid untagged</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="index">Index of the port, or of the bridge itself with <paramref name="self"/>.</param>
    /// <param name="vlans">The VLANs.</param>
    /// <param name="self">The bridge's own port.</param>
    public static void AddBridgeVlans(this NetlinkBatch batch, int index, IEnumerable<BridgeVlan> vlans, bool self = false) =>
        BridgeVlans(batch, RouteMessageType.SetLink, "add bridge VLANs to link", index, vlans, self);

    /// <summary>Removes VLANs from a bridge port: <c>bridge vlan del vid N dev NAME</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="index">Index of the port.</param>
    /// <param name="vlans">The VLANs.</param>
    /// <param name="self">The bridge's own port.</param>
    public static void DeleteBridgeVlans(this NetlinkBatch batch, int index, IEnumerable<BridgeVlan> vlans, bool self = false) =>
        BridgeVlans(batch, RouteMessageType.DeleteLink, "delete bridge VLANs of link", index, vlans, self);

    /// <summary>Gives a link a further name: <c>ip link property add dev NAME altname …</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="index">Its index.</param>
    /// <param name="name">Up to 127 bytes.</param>
    public static void AddAlternativeName(this NetlinkBatch batch, int index, string name)
    {
        batch.Begin(RouteMessageType.NewLinkProperty, NetlinkFlags.Create | NetlinkFlags.Append | NetlinkFlags.Exclusive, "add alternative name", name);
        batch.Writer.Fixed(new InterfaceHeader { Index = index });
        using (batch.Writer.Nested(Ifla.PropertyList))
            batch.Writer.Text(Ifla.AlternativeName, name);
        batch.End();
    }

    /// <summary>Takes a further name from a link: <c>ip link property del dev NAME altname …</c>.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="index">Its index.</param>
    /// <param name="name">The name.</param>
    /// <param name="tolerate">For example <see cref="Tolerated.Missing"/>.</param>
    public static void DeleteAlternativeName(this NetlinkBatch batch, int index, string name, Tolerated tolerate = Tolerated.Nothing)
    {
        batch.Begin(RouteMessageType.DeleteLinkProperty, NetlinkFlags.None, "delete alternative name", name, tolerate);
        batch.Writer.Fixed(new InterfaceHeader { Index = index });
        using (batch.Writer.Nested(Ifla.PropertyList))
            batch.Writer.Text(Ifla.AlternativeName, name);
        batch.End();
    }

    // The kernel looks among all names by either attribute, but lets IFLA_IFNAME have no more than 15 bytes.
    private static void WriteName(MessageWriter writer, string name) =>
        writer.Text(Encoding.UTF8.GetByteCount(name) > 15 ? Ifla.AlternativeName : Ifla.Name, name);

    private static void BridgeVlans(NetlinkBatch batch, ushort type, string verb, int index, IEnumerable<BridgeVlan> vlans, bool self)
    {
        batch.Begin(type, NetlinkFlags.None, verb, index);
        batch.Writer.Fixed(new InterfaceHeader { Family = (byte)AddressFamily.Bridge, Index = index });
        BridgeVlan.Write(batch.Writer, vlans, self);
        batch.End();
    }
}
