using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Codec;

namespace Patchbay.Tests.Netlink;

public class CodecTests
{
    private delegate void Write(MessageWriter writer);

    private static readonly Dictionary<string, Write> Writes = new()
    {
        ["u8"] = w => w.U8(1, 0xab),
        ["u16"] = w => w.U16(2, 0x1234),
        ["u16 network order"] = w => w.U16Be(2, 0x1234),
        ["u32"] = w => w.U32(3, 0x12345678),
        ["u32 network order"] = w => w.U32Be(3, 0x12345678),
        ["s32"] = w => w.S32(3, -2),
        ["u64"] = w => w.U64(4, 0x0123456789abcdef),
        ["u64 network order"] = w => w.U64Be(4, 0x0123456789abcdef),
        ["flag"] = w => w.Flag(5),
        ["text"] = w => w.Text(6, "eth0"),
        ["empty text"] = w => w.Text(6, ""),
        ["text beyond ASCII"] = w => w.Text(6, "ä"),
        ["bytes"] = w => w.Bytes(7, [1, 2, 3, 4, 5]),
        ["IPv4"] = w => w.Address(8, IPAddress.Parse("10.1.2.3")),
        ["IPv6"] = w => w.Address(8, IPAddress.Parse("2001:db8::1")),
        ["nested"] = w =>
        {
            using (w.Nested(9))
                w.U8(1, 7);
        },
        ["empty nested"] = w => w.Nested(9).Dispose(),
        ["nested in nested"] = w =>
        {
            using (w.Nested(9))
            using (w.Nested(10))
                w.Flag(1);
        },
        ["enclosed"] = w =>
        {
            using (w.Enclosed(9))
                w.Fixed(0x01020304u);
        },
    };

    [Theory]
    [InlineData("u8", "0500 0100 ab000000")]
    [InlineData("u16", "0600 0200 34120000")]
    [InlineData("u16 network order", "0600 0200 12340000")]
    [InlineData("u32", "0800 0300 78563412")]
    [InlineData("u32 network order", "0800 0300 12345678")]
    [InlineData("s32", "0800 0300 feffffff")]
    [InlineData("u64", "0c00 0400 efcdab89 67452301")]
    [InlineData("u64 network order", "0c00 0400 01234567 89abcdef")]
    [InlineData("flag", "0400 0500")]
    [InlineData("text", "0900 0600 65746830 00000000")]
    [InlineData("empty text", "0500 0600 00000000")]
    [InlineData("text beyond ASCII", "0700 0600 c3a40000")]
    [InlineData("bytes", "0900 0700 01020304 05000000")]
    [InlineData("IPv4", "0800 0800 0a010203")]
    [InlineData("IPv6", "1400 0800 20010db8 00000000 00000000 00000001")]
    [InlineData("nested", "0c00 0980 0500 0100 07000000")]
    [InlineData("empty nested", "0400 0980")]
    [InlineData("nested in nested", "0c00 0980 0800 0a80 0400 0100")]
    [InlineData("enclosed", "0800 0900 04030201")]
    public void Attribute_is_written(string what, string bytes)
    {
        var writer = new MessageWriter(capacity: 1); // grows with each attribute

        Writes[what](writer);
        GoldenBytes.Equal(writer.Written, bytes);

        // The buffer is used again: padding must be zero there too.
        writer.Clear();
        writer.Bytes(1, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        writer.Clear();
        Writes[what](writer);
        GoldenBytes.Equal(writer.Written, bytes);
    }

    [Fact]
    public void Attribute_is_read()
    {
        var bytes = GoldenBytes.Parse("""
            0500 0100 ab000000
            0600 0200 34120000
            0c00 0400 01234567 89abcdef
            0800 0300 feffffff
            0900 0600 65746830 00000000
            0800 0880 0400 0540         # nested; inside, a flag with NLA_F_NET_BYTEORDER
            0800 0900 0a010203
            """);
        var reader = new AttributeReader(bytes);

        Assert.True(reader.Next() && reader is { Type: 1 } && reader.U8() == 0xab);
        Assert.True(reader.Next() && reader is { Type: 2 } && reader.U16() == 0x1234 && reader.U16Be() == 0x3412);
        Assert.True(reader.Next() && reader is { Type: 4 } && reader.U64Be() == 0x0123456789abcdef && reader.U64() == 0xefcdab8967452301);
        Assert.True(reader.Next() && reader is { Type: 3 } && reader.S32() == -2 && reader.U32() == 0xfffffffe && reader.U32Be() == 0xfeffffff);
        Assert.True(reader.Next() && reader is { Type: 6 } && reader.Text() == "eth0");
        Assert.True(reader.Next() && reader.Type == 8);
        var inner = reader.Nested();
        Assert.True(inner.Next() && inner is { Type: 5, Payload.Length: 0 } && !inner.Next());
        Assert.True(reader.Next() && IPAddress.Parse("10.1.2.3").Equals(reader.Address()));
        Assert.False(reader.Next());
        reader.ThrowIfMalformed("test");
    }

    [Theory]
    [InlineData("0300 0100", "an attribute claims 3 bytes where 4 are left")] // shorter than its own header
    [InlineData("0000 0000", "an attribute claims 0 bytes where 4 are left")]
    [InlineData("0900 0100 01020304", "an attribute claims 9 bytes where 8 are left")] // reaches beyond its buffer
    [InlineData("ffff 0100 01020304", "an attribute claims 65535 bytes where 8 are left")]
    public void Lying_length_ends_the_walk_and_is_reported(string hex, string problem)
    {
        var reader = new AttributeReader(GoldenBytes.Parse(hex));

        Assert.False(reader.Next());
        Assert.False(reader.Next());
        Assert.True(reader.Malformed);
        NetlinkException? exception = null;
        try
        {
            reader.ThrowIfMalformed("link");
        }
        catch (NetlinkException e)
        {
            exception = e;
        }

        Assert.Equal($"read link: malformed message: {problem}", exception?.Message);
        Assert.Equal(Errno.Invalid, exception?.Error);
    }

    [Fact]
    public void First_fault_sticks()
    {
        var reader = new AttributeReader(GoldenBytes.Parse("0500 0100 ab000000  0800 0200 0a010203"));

        Assert.True(reader.Next());
        Assert.Equal(0u, reader.U32()); // of one byte
        Assert.Equal(0, reader.U8()); // there, but after the fault
        Assert.Null(reader.Address());
        Assert.False(reader.Next());
        Assert.True(reader.Malformed);
    }

    [Fact]
    public void Trailing_bytes_shorter_than_a_header_are_padding()
    {
        var reader = new AttributeReader([5, 0, 1, 0, 7, 0, 0, 0, 0, 0, 0]);

        Assert.True(reader.Next());
        Assert.False(reader.Next());
        Assert.False(reader.Malformed);
    }

    [Theory]
    [InlineData("10.1.2.3", 24, "10.1.2.0/24")] // ip-rule(8) lets host bits through
    [InlineData("10.1.2.3", 32, "10.1.2.3/32")]
    [InlineData("10.1.2.3", 0, "0.0.0.0/0")]
    [InlineData("10.255.2.3", 9, "10.128.0.0/9")]
    [InlineData("2001:db8:ffff::1", 33, "2001:db8:8000::/33")]
    public void Network_has_no_host_bits(string address, byte length, string network)
    {
        var writer = new MessageWriter();
        writer.Address(1, IPAddress.Parse(address));
        var reader = new AttributeReader(writer.Written);
        reader.Next();

        Assert.Equal(IPNetwork.Parse(network), reader.Network(length));
    }

    [Fact]
    public void Message_is_written_and_read()
    {
        var writer = new MessageWriter();
        writer.BeginMessage(20, NetlinkFlags.Create | NetlinkFlags.Ack, 7);
        writer.Fixed((byte)0xaa);
        writer.U8(1, 2);
        writer.EndMessage();
        GoldenBytes.Equal(writer.Written, """
            1c000000        # length
            1400 0504       # type, REQUEST | ACK | CREATE
            07000000        # sequence number
            00000000        # port: the kernel fills it in
            aa000000        # a fixed header of one byte, padded
            0500 0100 02000000
            """);

        var reader = new MessageReader(writer.Written);
        Assert.True(reader.Next());
        Assert.Equal((20, 7u, 0u), (reader.Type, reader.Sequence, reader.PortId));
        var attributes = reader.Fixed(out byte header);
        Assert.Equal(0xaa, header);
        Assert.True(attributes.Next() && attributes.U8() == 2);
        Assert.False(reader.Next());
    }

    [Theory]
    [InlineData("0f000000 14000000 00000000 00000000")] // less than its own header
    [InlineData("14000000 14000000 00000000 00000000")] // more than there is
    [InlineData("ffffffff 14000000 00000000 00000000")]
    public void Message_length_that_lies_is_refused(string hex) => Assert.Throws<NetlinkException>(() =>
    {
        var reader = new MessageReader(GoldenBytes.Parse(hex));
        reader.Next();
    });

    [Fact]
    public void Payload_shorter_than_its_fixed_header_is_refused() => Assert.Throws<NetlinkException>(() =>
    {
        var reader = new MessageReader(GoldenBytes.Parse("14000000 14000000 00000000 00000000 00000000"));
        reader.Next();
        reader.Fixed(out long _);
    });

    [Fact]
    public void What_cannot_be_written_is_refused_by_name()
    {
        var writer = new MessageWriter();

        Assert.Contains("attribute 3", Assert.Throws<ArgumentException>(() => writer.Text(3, "eth0\0x")).Message, StringComparison.Ordinal);
        Assert.Contains("attribute 4 has 65540 bytes", Assert.Throws<InvalidOperationException>(() => writer.Bytes(4, new byte[65536])).Message, StringComparison.Ordinal);
        Assert.Contains("attribute 5 has", Assert.Throws<InvalidOperationException>(() =>
        {
            using (writer.Nested(5))
            {
                writer.Bytes(1, new byte[40000]);
                writer.Bytes(1, new byte[40000]);
            }
        }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Message_that_was_not_ended_is_not_sent()
    {
        using var socket = new NetlinkSocket(new ChannelDouble(_ => []));
        var batch = new NetlinkBatch();
        batch.Begin(16, NetlinkFlags.None, "add link", "eth0");

        Assert.Throws<InvalidOperationException>(() => socket.Execute(batch));
        Assert.Throws<InvalidOperationException>(() => batch.Begin(16, NetlinkFlags.None, "add link", "eth1"));
        batch.Clear();
        Assert.Empty(socket.TryExecute(batch));
    }
}
