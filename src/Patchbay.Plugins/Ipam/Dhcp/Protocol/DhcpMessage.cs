using System.Buffers.Binary;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Ipam.Dhcp.Protocol;

/// <summary>A DHCP message (RFC 2131 section 2). Addresses are numbers, first byte highest; 0 is none.</summary>
internal sealed class DhcpMessage
{
    private const int FixedLength = 236;
    private const int SmallestLength = 300; // what relays of BOOTP let through (RFC 1542 section 2.1)
    private const uint Cookie = 0x63825363;
    private const ushort BroadcastFlag = 0x8000;
    private const byte Ethernet = 1;

    /// <summary>True from client to server.</summary>
    internal bool IsRequest { get; init; } = true;

    /// <summary>Chosen by the client; answers carry it.</summary>
    internal uint TransactionId { get; init; }

    /// <summary>Seconds since the client began.</summary>
    internal ushort Seconds { get; init; }

    /// <summary>Asks the server to broadcast its answers.</summary>
    internal bool Broadcast { get; init; }

    /// <summary>ciaddr: the address that the client has and answers for.</summary>
    internal uint ClientAddress { get; init; }

    /// <summary>yiaddr: the address that the server gives.</summary>
    internal uint YourAddress { get; init; }

    /// <summary>chaddr.</summary>
    internal MacAddress Hardware { get; set; }

    internal DhcpOptions Options { get; init; } = new();

    /// <summary>Option 53.</summary>
    internal DhcpMessageType Type => Options[DhcpOption.MessageType] is [var type] ? (DhcpMessageType)type : DhcpMessageType.None;

    /// <summary>Option 54, or 0.</summary>
    internal uint Server => Options.Number(DhcpOption.ServerIdentifier) ?? 0;

    /// <summary>The bytes of the UDP datagram.</summary>
    internal byte[] ToBytes()
    {
        var bytes = new List<byte>(SmallestLength);
        Span<byte> head = stackalloc byte[FixedLength + 4];
        head.Clear();
        head[0] = (byte)(IsRequest ? 1 : 2);
        head[1] = Ethernet;
        head[2] = 6;
        BinaryPrimitives.WriteUInt32BigEndian(head[4..], TransactionId);
        BinaryPrimitives.WriteUInt16BigEndian(head[8..], Seconds);
        BinaryPrimitives.WriteUInt16BigEndian(head[10..], Broadcast ? BroadcastFlag : (ushort)0);
        BinaryPrimitives.WriteUInt32BigEndian(head[12..], ClientAddress);
        BinaryPrimitives.WriteUInt32BigEndian(head[16..], YourAddress);
        Hardware.CopyTo(head[28..]);
        BinaryPrimitives.WriteUInt32BigEndian(head[FixedLength..], Cookie);
        bytes.AddRange(head);
        Options.Write(bytes);
        while (bytes.Count < SmallestLength)
            bytes.Add(DhcpOption.Pad);
        return [.. bytes];
    }

    /// <summary>Reads a datagram.</summary>
    /// <returns>The message, or null when the bytes are not one for Ethernet.</returns>
    internal static DhcpMessage? TryParse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < FixedLength + 4 || bytes[0] is not (1 or 2) || bytes[1] != Ethernet || bytes[2] != 6)
            return null;
        if (BinaryPrimitives.ReadUInt32BigEndian(bytes[FixedLength..]) != Cookie)
            return null;
        var options = new DhcpOptions();
        if (!options.TryRead(bytes[(FixedLength + 4)..]))
            return null;

        // Option 52 says that the fields for a boot file (1) and the server's name (2) hold options as well, to be read in that order.
        byte overload = options[DhcpOption.Overload] is [var which] ? which : (byte)0;
        if ((overload & 1) != 0 && !options.TryRead(bytes.Slice(108, 128)))
            return null;
        if ((overload & 2) != 0 && !options.TryRead(bytes.Slice(44, 64)))
            return null;
        return new DhcpMessage
        {
            IsRequest = bytes[0] == 1,
            TransactionId = BinaryPrimitives.ReadUInt32BigEndian(bytes[4..]),
            Seconds = BinaryPrimitives.ReadUInt16BigEndian(bytes[8..]),
            Broadcast = (BinaryPrimitives.ReadUInt16BigEndian(bytes[10..]) & BroadcastFlag) != 0,
            ClientAddress = BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]),
            YourAddress = BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]),
            Hardware = MacAddress.FromBytes(bytes.Slice(28, 6)),
            Options = options,
        };
    }
}
