using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>Settings of a link as a port of a bridge (IFLA_BRPORT_*); what is null stays as it is.</summary>
public sealed record BridgePort
{
    private const ushort IFLA_BRPORT_STATE = 1;
    private const ushort IFLA_BRPORT_MODE = 4;
    private const ushort IFLA_BRPORT_LEARNING = 8;
    private const ushort IFLA_BRPORT_UNICAST_FLOOD = 9;
    private const ushort IFLA_BRPORT_ISOLATED = 33;

    /// <summary>Frames may leave by the port on which they came.</summary>
    public bool? Hairpin { get; init; }

    /// <summary>The port exchanges no frames with other isolated ports.</summary>
    public bool? Isolated { get; init; }

    /// <summary>Source addresses are learned.</summary>
    public bool? Learning { get; init; }

    /// <summary>Frames to unknown addresses leave by this port.</summary>
    public bool? UnicastFlood { get; init; }

    /// <summary>BR_STATE_*: 0 disabled, 1 listening, 2 learning, 3 forwarding, 4 blocking. Not written: the bridge decides.</summary>
    public byte? State { get; init; }

    /// <summary>Reads the port settings of a link that belongs to a bridge.</summary>
    /// <param name="link">The link.</param>
    /// <returns>Its settings; all null when it is no port of a bridge.</returns>
    /// <exception cref="NetlinkException">The attributes are malformed.</exception>
    public static BridgePort Decode(Link link)
    {
        ArgumentNullException.ThrowIfNull(link);
        if (link.PortKind != Bridge.KindName)
            return new BridgePort();
        bool? hairpin = null, isolated = null, learning = null, flood = null;
        byte? state = null;
        var data = new AttributeReader(link.PortData.Span);
        while (data.Next())
        {
            switch (data.Type)
            {
                case IFLA_BRPORT_STATE: state = data.U8(); break;
                case IFLA_BRPORT_MODE: hairpin = data.U8() != 0; break;
                case IFLA_BRPORT_LEARNING: learning = data.U8() != 0; break;
                case IFLA_BRPORT_UNICAST_FLOOD: flood = data.U8() != 0; break;
                case IFLA_BRPORT_ISOLATED: isolated = data.U8() != 0; break;
            }
        }

        data.ThrowIfMalformed($"bridge port \"{link.Name}\"");
        return new BridgePort { Hairpin = hairpin, Isolated = isolated, Learning = learning, UnicastFlood = flood, State = state };
    }

    internal void Write(MessageWriter writer)
    {
        Flag(IFLA_BRPORT_MODE, Hairpin);
        Flag(IFLA_BRPORT_LEARNING, Learning);
        Flag(IFLA_BRPORT_UNICAST_FLOOD, UnicastFlood);
        Flag(IFLA_BRPORT_ISOLATED, Isolated);

        void Flag(ushort type, bool? value)
        {
            if (value is { } on)
                writer.U8(type, on ? (byte)1 : (byte)0);
        }
    }
}
