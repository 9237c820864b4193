using Patchbay.Plugins.Ipam.Dhcp.Protocol;

namespace Patchbay.Tests.Ipam.Dhcp;

public sealed class DhcpMessageTests
{
    // dnsmasq 2.90: DHCPACK for 10.5.0.36, from its answer to this client.
    private const string Ack =
        "02010600 18db6ac5 0000 0000 00000000 0a050024 00000000 00000000 fabe57f5e99f";

    private static byte[] Captured(string options) =>
        [.. Messages.Bytes(Ack), .. new byte[10 + 64 + 128], .. Messages.Bytes("63825363"), .. Messages.Bytes(options)];

    [Fact]
    public void An_acknowledgement_of_dnsmasq_is_read()
    {
        byte[] bytes = Captured("350105 36040a050001 330400000078 3a040000003c 3b0400000069 0104ffffff00 1c040a0500ff 03040a050001 1a020578"
            + "0f0b646f6d2e6578616d706c65 7713 07 6578616d706c65 03 6f7267 00 03 6c6162 c000 0604 09090909 ff");
        DhcpMessage message = DhcpMessage.TryParse(bytes)!;

        Assert.False(message.IsRequest);
        Assert.Equal(DhcpMessageType.Ack, message.Type);
        Assert.Equal(0x18db6ac5u, message.TransactionId);
        Assert.Equal(Messages.Address, message.YourAddress);
        Assert.Equal(Messages.Server, message.Server);
        Assert.Equal(Messages.Mac, message.Hardware);
        var terms = new LeaseTerms(message);
        Assert.Equal((120, 60, 105), (terms.Length.TotalSeconds, terms.Renewal.TotalSeconds, terms.Rebinding.TotalSeconds));
        Assert.Equal(1400, terms.Mtu);
        var result = terms.ToResult(0);
        Assert.Equal("10.5.0.36/24", result.Ips[0].Address.ToString());
        Assert.Equal(["9.9.9.9"], result.Dns.Nameservers);
        Assert.Equal("dom.example", result.Dns.Domain);
        Assert.Equal(["example.org", "lab.example.org"], result.Dns.Search);
    }

    [Fact]
    public void What_is_written_is_read_back()
    {
        var message = new DhcpMessage { TransactionId = 0x01020304, Seconds = 7, Broadcast = true, ClientAddress = 0x0a000001, Hardware = Messages.Mac };
        message.Options.Set(DhcpOption.MessageType, (byte)DhcpMessageType.Request);
        byte[] value = [.. Enumerable.Range(0, 600).Select(i => (byte)i)];
        message.Options.Set(DhcpOption.ClasslessStaticRoutes, value);
        message.Options.Set(DhcpOption.HostName); // empty

        byte[] bytes = message.ToBytes();
        DhcpMessage read = DhcpMessage.TryParse(bytes)!;

        // Op, kind and length of address, hops; transaction; seconds and the broadcast flag.
        Assert.Equal("01010600" + "01020304" + "00078000" + "0a000001", Convert.ToHexStringLower(bytes.AsSpan(0, 16)));
        Assert.Equal("63825363" + "350103" + "79ff", Convert.ToHexStringLower(bytes.AsSpan(236, 9)));
        Assert.True(read.IsRequest && read.Broadcast);
        Assert.Equal(DhcpMessageType.Request, read.Type);
        Assert.Equal(value, read.Options[DhcpOption.ClasslessStaticRoutes]); // 255 + 255 + 90 bytes, RFC 3396
        Assert.Empty(read.Options[DhcpOption.HostName]!);
        Assert.Equal(300, new DhcpMessage().ToBytes().Length);
    }

    [Theory]
    [InlineData("340101", "0604 01010101 ff", "", "01010101")]
    [InlineData("340102", "", "0604 02020202 ff", "02020202")]
    [InlineData("340103 0602 0303", "0601 03 00", "0601 03", "03030303")] // pieces in options, file, server name: RFC 3396 section 7
    [InlineData("", "0604 01010101 ff", "0604 02020202 ff", "")] // not told to look there
    public void Options_may_be_in_the_fields_for_boot_file_and_server_name(string options, string file, string server, string expected)
    {
        byte[] bytes = Captured("350105" + options + "ff");
        Messages.Bytes(file).CopyTo(bytes, 108);
        Messages.Bytes(server).CopyTo(bytes, 44);
        Assert.Equal(expected, Convert.ToHexStringLower(DhcpMessage.TryParse(bytes)!.Options[DhcpOption.DomainNameServers] ?? []));
    }

    [Fact]
    public void What_is_no_message_is_refused()
    {
        byte[] good = Captured("350105ff");
        Assert.NotNull(DhcpMessage.TryParse(good));
        Assert.Null(DhcpMessage.TryParse(good.AsSpan(0, 239)));
        Assert.Null(DhcpMessage.TryParse(Captured("3505 05 ff"))); // longer than the message
        foreach (int at in (int[])[0, 1, 2, 236, 239])
        {
            byte[] bad = [.. good];
            bad[at] ^= 0x55;
            Assert.Null(DhcpMessage.TryParse(bad));
        }
    }

    [Fact]
    public void No_bytes_make_the_reader_throw()
    {
        var random = new Random(2131);
        byte[] good = Captured("350105 36040a050001 330400000078 0104ffffff00 340103 790b 18c0a802 0a050002 00 0a0500 7705 0161c000ff ff");
        for (int i = 0; i < 20_000; i++)
        {
            byte[] bytes = [.. good];
            for (int n = random.Next(1, 8); n > 0; n--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            if (DhcpMessage.TryParse(bytes.AsSpan(0, random.Next(200, bytes.Length + 1))) is not { } message)
                continue;
            try
            {
                new LeaseTerms(message).ToResult(5);
            }
            catch (Patchbay.Cni.Model.CniException)
            {
                // The mask is missing, or none.
            }
        }
    }

    [Fact]
    public void Packets_have_checksums_and_are_verified()
    {
        // The sums were worked out by hand (RFC 1071): 7996 of the IP header, 03c4 of UDP.
        byte[] payload = new DhcpMessage { Hardware = Messages.Mac }.ToBytes();
        byte[] packet = UdpPacket.ToServer(0, UdpPacket.Everyone, payload);
        Assert.Equal("45100148" + "00000000" + "4011" + "7996" + "00000000" + "ffffffff" + "00440043" + "0134" + "03c4", Convert.ToHexStringLower(packet.AsSpan(0, 28)));

        (packet[20], packet[21], packet[22], packet[23]) = (0, 67, 0, 68); // the same in the other direction: sums stay
        Assert.Equal(payload, UdpPacket.FromServer(packet, verify: true).ToArray());
        Assert.Equal(payload, UdpPacket.FromServer([.. packet, 0, 0, 0], verify: true).ToArray()); // padding of Ethernet
        packet[40] ^= 1;
        Assert.True(UdpPacket.FromServer(packet, verify: true).IsEmpty);
        Assert.False(UdpPacket.FromServer(packet, verify: false).IsEmpty);
        packet[40] ^= 1;
        for (int i = 0; i < 28; i++)
            Assert.True(UdpPacket.FromServer(packet.AsSpan(0, i), verify: true).IsEmpty);
        packet[6] = 0x20; // more fragments
        Assert.True(UdpPacket.FromServer(packet, verify: false).IsEmpty);
    }
}
