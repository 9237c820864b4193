using System.Net;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A tunnel of Ethernet frames in UDP with room for options, RFC 8926 (drivers/net/geneve.c).</summary>
/// <param name="id">The virtual network's number, VNI: 24 bits.</param>
/// <param name="remote">The other end.</param>
public sealed class Geneve(uint id, IPAddress remote) : LinkKind
{
    /// <summary>The kernel's name of the kind.</summary>
    public const string KindName = "geneve";

    /// <summary>The port that IANA assigned, and the kernel's default.</summary>
    public const ushort AssignedPort = 6081;

    // IFLA_GENEVE_*, include/uapi/linux/if_link.h
    private const ushort IFLA_GENEVE_ID = 1;
    private const ushort IFLA_GENEVE_REMOTE = 2;
    private const ushort IFLA_GENEVE_TTL = 3;
    private const ushort IFLA_GENEVE_PORT = 5;
    private const ushort IFLA_GENEVE_REMOTE6 = 7;

    /// <inheritdoc/>
    public override string Name => KindName;

    /// <summary>The virtual network's number, VNI.</summary>
    public uint Id => id;

    /// <summary>The other end.</summary>
    public IPAddress Remote => remote;

    /// <summary>UDP port of both ends; null for <see cref="AssignedPort"/>.</summary>
    public ushort? Port { get; init; }

    /// <summary>Time to live of the outer packets; null for the kernel's default, 0 for that of the route.</summary>
    public byte? TimeToLive { get; init; }

    /// <summary>Reads the settings of an existing link.</summary>
    /// <param name="link">A link of kind <c>geneve</c> with a remote end of its own.</param>
    /// <returns>Its settings.</returns>
    /// <exception cref="NetlinkException">The link is of another kind or takes its remote ends from elsewhere, or its attributes are malformed.</exception>
    public static Geneve Decode(Link link)
    {
        var data = DataOf(link, KindName);
        uint id = 0;
        IPAddress? remote = null;
        ushort? port = null;
        byte? ttl = null;
        while (data.Next())
        {
            switch (data.Type)
            {
                case IFLA_GENEVE_ID: id = data.U32(); break;
                case IFLA_GENEVE_REMOTE or IFLA_GENEVE_REMOTE6: remote = data.Address(); break;
                case IFLA_GENEVE_PORT: port = data.U16Be(); break;
                case IFLA_GENEVE_TTL: ttl = data.U8(); break;
            }
        }

        data.ThrowIfMalformed($"geneve \"{link.Name}\"");
        if (remote is null)
            throw new NetlinkException($"read geneve \"{link.Name}\"", "it has no remote end of its own (external)");
        return new Geneve(id, remote) { Port = port, TimeToLive = ttl };
    }

    // ip link add NAME type geneve id 1001 remote 192.0.2.2 dstport 6081
    internal override void Write(MessageWriter writer)
    {
        writer.U32(IFLA_GENEVE_ID, NetworkNumber(id));
        writer.Address(remote.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? IFLA_GENEVE_REMOTE : IFLA_GENEVE_REMOTE6, remote);
        if (TimeToLive is { } ttl)
            writer.U8(IFLA_GENEVE_TTL, ttl);
        if (Port is { } port)
            writer.U16Be(IFLA_GENEVE_PORT, port);
    }
}
