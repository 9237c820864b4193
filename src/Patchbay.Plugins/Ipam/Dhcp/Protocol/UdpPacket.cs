using System.Buffers.Binary;

namespace Patchbay.Plugins.Ipam.Dhcp.Protocol;

/// <summary>IPv4 and UDP around a message (RFC 791, RFC 768), for an interface that has no address yet.</summary>
internal static class UdpPacket
{
    internal const ushort ClientPort = 68;
    internal const ushort ServerPort = 67;
    internal const uint Everyone = 0xffffffff;

    private const int IpLength = 20;
    private const int UdpLength = 8;
    private const byte Udp = 17;

    /// <summary>A packet from the client's port to the server's.</summary>
    internal static byte[] ToServer(uint source, uint destination, ReadOnlySpan<byte> payload)
    {
        byte[] packet = new byte[IpLength + UdpLength + payload.Length];
        var ip = packet.AsSpan();
        ip[0] = 0x45;
        ip[1] = 0x10; // low delay, as other clients ask
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)packet.Length);
        ip[8] = 64;
        ip[9] = Udp;
        BinaryPrimitives.WriteUInt32BigEndian(ip[12..], source);
        BinaryPrimitives.WriteUInt32BigEndian(ip[16..], destination);
        BinaryPrimitives.WriteUInt16BigEndian(ip[10..], Fold(Sum(ip[..IpLength])));

        var udp = ip[IpLength..];
        BinaryPrimitives.WriteUInt16BigEndian(udp, ClientPort);
        BinaryPrimitives.WriteUInt16BigEndian(udp[2..], ServerPort);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], (ushort)udp.Length);
        payload.CopyTo(udp[UdpLength..]);
        ushort sum = Fold(PseudoHeader(ip, udp.Length) + Sum(udp));
        BinaryPrimitives.WriteUInt16BigEndian(udp[6..], sum == 0 ? (ushort)0xffff : sum); // 0 would say that there is none
        return packet;
    }

    /// <summary>The payload of a packet to the client's port.</summary>
    /// <param name="packet">From the first byte of the IP header; what follows the packet is padding.</param>
    /// <param name="verify">False when the sender left the checksum to hardware that the packet never saw: it comes from this machine.</param>
    /// <returns>Empty when it is damaged, a fragment, or something else.</returns>
    internal static ReadOnlySpan<byte> FromServer(ReadOnlySpan<byte> packet, bool verify)
    {
        if (packet.Length < IpLength + UdpLength || packet[0] >> 4 != 4 || packet[9] != Udp)
            return default;
        int header = (packet[0] & 15) * 4, total = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        if (header < IpLength || total > packet.Length || total < header + UdpLength || Fold(Sum(packet[..header])) != 0)
            return default;
        if ((BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & 0x3fff) != 0)
            return default; // a fragment
        var udp = packet[header..total];
        int length = BinaryPrimitives.ReadUInt16BigEndian(udp[4..]);
        if (BinaryPrimitives.ReadUInt16BigEndian(udp[2..]) != ClientPort || length < UdpLength || length > udp.Length)
            return default;
        udp = udp[..length];
        if (verify && BinaryPrimitives.ReadUInt16BigEndian(udp[6..]) != 0 && Fold(PseudoHeader(packet, length) + Sum(udp)) != 0)
            return default;
        return udp[UdpLength..];
    }

    private static uint PseudoHeader(ReadOnlySpan<byte> ip, int udpLength) => Sum(ip[12..20]) + Udp + (uint)udpLength;

    private static uint Sum(ReadOnlySpan<byte> bytes)
    {
        uint sum = 0;
        for (; bytes.Length > 1; bytes = bytes[2..])
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
        return bytes.Length == 1 ? sum + ((uint)bytes[0] << 8) : sum;
    }

    private static ushort Fold(uint sum)
    {
        while (sum >> 16 != 0)
            sum = (sum & 0xffff) + (sum >> 16);
        return (ushort)~sum;
    }
}
