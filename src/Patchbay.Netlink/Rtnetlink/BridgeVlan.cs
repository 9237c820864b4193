using System.Runtime.InteropServices;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Rtnetlink;

/// <summary>A VLAN of a bridge port (struct bridge_vlan_info, include/uapi/linux/if_bridge.h).</summary>
/// <param name="Id">VLAN id, 1 to 4094.</param>
/// <param name="Pvid">Untagged frames that come in belong to it.</param>
/// <param name="Untagged">Its frames leave without tag.</param>
public readonly record struct BridgeVlan(ushort Id, bool Pvid = false, bool Untagged = false)
{
    private const ushort IFLA_BRIDGE_FLAGS = 0;
    private const ushort IFLA_BRIDGE_VLAN_INFO = 2;
    private const ushort BRIDGE_FLAGS_SELF = 2;
    private const ushort BRIDGE_VLAN_INFO_PVID = 2;
    private const ushort BRIDGE_VLAN_INFO_UNTAGGED = 4;
    private const ushort BRIDGE_VLAN_INFO_RANGE_BEGIN = 8;
    private const ushort BRIDGE_VLAN_INFO_RANGE_END = 16;
    private const int VLAN_N_VID = 4096; // include/linux/if_vlan.h

    /// <summary>Writes IFLA_AF_SPEC with these VLANs.</summary>
    internal static void Write(MessageWriter writer, IEnumerable<BridgeVlan> vlans, bool self)
    {
        using (writer.Nested(Ifla.AddressFamilies))
        {
            if (self)
                writer.U16(IFLA_BRIDGE_FLAGS, BRIDGE_FLAGS_SELF);
            BridgeVlan? first = null;
            var last = default(BridgeVlan);
            foreach (var vlan in vlans)
            {
                // A range has a beginning and an end; the kernel allows it no PVID (net/bridge/br_netlink.c, br_process_vlan_info).
                if (first is { Pvid: false } && vlan == last with { Id = (ushort)(last.Id + 1) })
                {
                    last = vlan;
                    continue;
                }

                if (first is { } begin)
                    WriteRange(writer, begin, last);
                (first, last) = (vlan, vlan);
            }

            if (first is { } rest)
                WriteRange(writer, rest, last);
        }
    }

    private static void WriteRange(MessageWriter writer, BridgeVlan first, BridgeVlan last)
    {
        var flags = (first.Pvid ? BRIDGE_VLAN_INFO_PVID : 0) | (first.Untagged ? BRIDGE_VLAN_INFO_UNTAGGED : 0);
        if (first.Id == last.Id)
        {
            WriteInfo(writer, flags, first.Id);
            return;
        }

        WriteInfo(writer, flags | BRIDGE_VLAN_INFO_RANGE_BEGIN, first.Id);
        WriteInfo(writer, flags | BRIDGE_VLAN_INFO_RANGE_END, last.Id);
    }

    // struct bridge_vlan_info
    private static void WriteInfo(MessageWriter writer, int flags, ushort id)
    {
        Span<byte> info = stackalloc byte[4];
        MemoryMarshal.Write(info, (ushort)flags);
        MemoryMarshal.Write(info[2..], id);
        writer.Bytes(IFLA_BRIDGE_VLAN_INFO, info);
    }

    /// <summary>Reads the VLANs of a port from an AF_BRIDGE link message.</summary>
    internal static IReadOnlyList<BridgeVlan> Decode(scoped in MessageReader message, out int index)
    {
        var vlans = new List<BridgeVlan>();
        var attributes = message.Fixed(out InterfaceHeader header);
        index = header.Index;
        while (attributes.Next())
        {
            if (attributes.Type != Ifla.AddressFamilies)
                continue;
            var spec = attributes.Nested();
            var rangeStart = 0;
            while (spec.Next())
            {
                if (spec.Type != IFLA_BRIDGE_VLAN_INFO || spec.Payload.Length < 4)
                    continue;
                var flags = MemoryMarshal.Read<ushort>(spec.Payload);
                var id = MemoryMarshal.Read<ushort>(spec.Payload[2..]);
                if ((flags & BRIDGE_VLAN_INFO_RANGE_BEGIN) != 0)
                {
                    rangeStart = id;
                    continue;
                }

                var first = (flags & BRIDGE_VLAN_INFO_RANGE_END) != 0 ? rangeStart : id;
                if (first == 0 || id >= VLAN_N_VID)
                    throw new NetlinkException("read bridge VLANs", $"malformed message: VLANs {first} to {id}");
                for (var each = first; each <= id; each++)
                    vlans.Add(new BridgeVlan((ushort)each, (flags & BRIDGE_VLAN_INFO_PVID) != 0, (flags & BRIDGE_VLAN_INFO_UNTAGGED) != 0));
                rangeStart = 0;
            }

            spec.ThrowIfMalformed("bridge VLANs");
        }

        attributes.ThrowIfMalformed("bridge VLANs");
        return vlans;
    }
}
