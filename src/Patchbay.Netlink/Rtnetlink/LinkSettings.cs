using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>What a request to create or change a link says; what is null stays as it is, or gets the kernel's default.</summary>
public sealed record LinkSettings
{
    /// <summary>The name: for a new link, or the new name of an existing one.</summary>
    public string? Name { get; init; }

    /// <summary>Largest packet in bytes.</summary>
    public int? Mtu { get; init; }

    /// <summary>Ethernet address.</summary>
    public MacAddress? Address { get; init; }

    /// <summary>Index of the bridge, bond or VRF to join; 0 to leave it.</summary>
    public int? Master { get; init; }

    /// <summary>Index of the lower device (vlan, macvlan, ipvlan).</summary>
    public int? Lower { get; init; }

    /// <summary>The namespace id in which <see cref="Lower"/> counts (<see cref="NamespaceIdRequests"/>); null when it is the namespace of the socket.</summary>
    /// <remarks>Before Linux 6.15 the link is made there and then moved, so <see cref="Name"/> must be free in both namespaces.</remarks>
    public int? LowerNamespaceId { get; init; }

    /// <summary>The namespace in which the link is created, or to which it moves; it must stay open until the batch is carried out.</summary>
    public NetworkNamespace? Namespace { get; init; }

    /// <summary>Free text for an existing link, at most 255 bytes; empty to remove it.</summary>
    public string? Alias { get; init; }

    /// <summary>A number by which links are changed or deleted together.</summary>
    public uint? Group { get; init; }

    /// <summary>Packets that may wait for transmission.</summary>
    public int? TransmitQueueLength { get; init; }

    /// <summary>How many queues a new link has for each direction.</summary>
    public int? Queues { get; init; }

    /// <summary>Administratively up or down.</summary>
    public bool? Up { get; init; }

    /// <summary>Promiscuous mode on behalf of the administrator.</summary>
    public bool? Promiscuous { get; init; }

    /// <summary>Reception of all multicast.</summary>
    public bool? AllMulticast { get; init; }

    /// <summary>The kind of a new link and its settings.</summary>
    public LinkKind? Kind { get; init; }

    /// <summary>Refuses what the kernel would forget without a word when it creates a link (net/core/rtnetlink.c, rtnl_create_link).</summary>
    internal void ThrowIfNotCreatable()
    {
        if (Alias is not null)
            throw new ArgumentException($"add link \"{Name}\": a new link takes no alias; set it by a further request, SetLink");
    }

    /// <summary>Writes struct ifinfomsg and the attributes.</summary>
    internal void Write(MessageWriter writer, int index)
    {
        uint flags = 0, change = 0;
        Flag(Up, LinkFlags.Up);
        Flag(Promiscuous, LinkFlags.Promiscuous);
        Flag(AllMulticast, LinkFlags.AllMulticast);
        writer.Fixed(new InterfaceHeader { Index = index, Flags = flags, Change = change });
        if (Name is not null)
            writer.Text(Ifla.Name, Name);
        if (Mtu is { } mtu)
            writer.S32(Ifla.Mtu, mtu);
        if (Address is { } address)
        {
            Span<byte> bytes = stackalloc byte[6];
            address.CopyTo(bytes);
            writer.Bytes(Ifla.Address, bytes);
        }

        if (Master is { } master)
            writer.S32(Ifla.Master, master);
        if (Lower is { } lower)
            writer.S32(Ifla.Link, lower);
        if (LowerNamespaceId is { } lowerNamespace)
            writer.S32(Ifla.LinkNamespaceId, lowerNamespace);
        if (Namespace is not null)
        {
            // A closed descriptor's number may be another file's by now.
            ObjectDisposedException.ThrowIf(Namespace.Handle.IsClosed, Namespace);
            writer.S32(Ifla.NamespaceDescriptor, (int)Namespace.Handle.DangerousGetHandle());
        }

        if (Alias is not null)
            writer.Text(Ifla.Alias, Alias);
        if (Group is { } group)
            writer.U32(Ifla.Group, group);
        if (TransmitQueueLength is { } queue)
            writer.S32(Ifla.TransmitQueueLength, queue);
        if (Queues is { } queues)
        {
            writer.S32(Ifla.TransmitQueues, queues);
            writer.S32(Ifla.ReceiveQueues, queues);
        }

        if (Kind is not null)
        {
            using (writer.Nested(Ifla.LinkInfo))
            {
                writer.Text(Ifla.InfoKind, Kind.Name);
                using (writer.Nested(Ifla.InfoData))
                    Kind.Write(writer);
            }
        }

        void Flag(bool? wanted, LinkFlags flag)
        {
            if (wanted is null)
                return;
            change |= (uint)flag;
            if (wanted.Value)
                flags |= (uint)flag;
        }
    }
}
