using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Codec;
using Patchbay.Netlink.Netfilter;

namespace Patchbay.Tests.Netlink.Netfilter;

/// <summary>Deletion of connections on kernels of different age.</summary>
public class ConntrackTests
{
    // conntrack -L: udp 17 599 src=10.0.0.1 dst=10.0.0.9 sport=1000 dport=53 src=10.0.0.9 dst=10.0.0.1 sport=53 dport=1000, id 7
    private const string Entry =
        """
        02000000
        34000180 14000180 080001000a000001 080002000a000009 1c000280 0500010011000000 06000200 03e80000 06000300 00350000
        34000280 14000180 080001000a000009 080002000a000001 1c000280 0500010011000000 06000200 00350000 06000300 03e80000
        08000c00 00000007
        """;

    private const ushort NewEntry = 0x100;
    private const ushort Get = 0x101;
    private const ushort Delete = 0x102;

    [Fact]
    public void New_kernels_delete_by_filter()
    {
        var kernel = new ChannelDouble(request => [ChannelDouble.Acknowledge(ChannelDouble.Requests(request)[0].Sequence, 0)]);
        Forget(kernel, new ConntrackFilter(IPv4: true) { Protocol = 17, DestinationPort = 53 });

        // Family and version of struct nfgenmsg: without the version the kernel would heed neither family.
        Assert.Equal([2, 1, 0, 0], Assert.Single(kernel.Sent)[16..20]);
        GoldenBytes.AssertEqual(
            "conntrack -D -p udp --orig-port-dst 53, as a filter (CTA_TUPLE_ORIG, CTA_FILTER)",
            "18000180 14000280 0500010011000000 06000300 00350000 14001980 08000100 28000000 08000200 00000000",
            kernel.Sent[0].AsSpan(20));
    }

    [Theory]
    [InlineData(95)] // Linux 5.8 to 6.7: EOPNOTSUPP
    [InlineData(22)] // before: EINVAL
    public void Older_kernels_are_asked_for_a_list_and_delete_one_by_one(int error)
    {
        var kernel = new ChannelDouble(request => Answer(request, error));
        Forget(kernel, new ConntrackFilter(IPv4: true) { Protocol = 17, DestinationPort = 53 });

        Assert.Equal([Delete, Get, Delete], kernel.Sent.Select(sent => ChannelDouble.Requests(sent)[0].Type));
        Assert.Equal(
            "34000180" + "140001800800010" + "00A000001080002000A0000091C000280050001001100000006000200" + "03E800000600030000350000" + "08000C0000000007",
            Convert.ToHexString(kernel.Sent[2].AsSpan(20)));
    }

    [Fact]
    public void IPv6_addresses_are_compared_here()
    {
        var kernel = new ChannelDouble(request => Answer(request, 0));
        Forget(kernel, new ConntrackFilter(IPv4: false) { Protocol = 17, DestinationPort = 53, Destination = IPAddress.Parse("fd00::1") });

        Assert.Equal([Get], kernel.Sent.Select(sent => ChannelDouble.Requests(sent)[0].Type));
    }

    [Fact]
    public void Marks_are_read()
    {
        // conntrack -L: … mark=4660
        var reader = new MessageReader(ChannelDouble.Message(NewEntry, 1, $"{Entry} 08000800 00001234"));
        reader.Next();
        Assert.Equal(0x1234u, ConntrackEntry.Decode(reader).Mark);
    }

    [Theory]
    [InlineData(0x1234u)]
    [InlineData(0u)] // as it is: nothing is sent
    public void Marks_are_set(uint mark)
    {
        var kernel = new ChannelDouble(request => Answer(request, 0));
        using (var socket = new ConntrackSocket(new NetlinkSocket(kernel)))
            socket.SetMarks(new ConntrackFilter(IPv4: true) { Protocol = 17 }, entry => entry.Original.DestinationPort == 53 ? mark : 9);

        if (mark == 0)
        {
            Assert.Equal([Get], kernel.Sent.Select(sent => ChannelDouble.Requests(sent)[0].Type));
            return;
        }

        Assert.Equal([Get, NewEntry], kernel.Sent.Select(sent => ChannelDouble.Requests(sent)[0].Type));
        Assert.Equal([2, 0, 0, 0], kernel.Sent[1][16..20]);
        GoldenBytes.AssertEqual(
            "conntrack -U -p udp -s 10.0.0.1 -d 10.0.0.9 --sport 1000 --dport 53 -m 0x1234, with CTA_ID",
            "34000180 14000180 080001000a000001 080002000a000009 1c000280 0500010011000000 06000200 03e80000 06000300 00350000 08000c00 00000007 08000800 00001234",
            kernel.Sent[1].AsSpan(20));
    }

    [Fact]
    public void Damaged_entries_do_no_harm()
    {
        var random = new Random(1);
        var whole = ChannelDouble.Message(NewEntry, 1, Entry);
        for (var round = 0; round < 10_000; round++)
        {
            var message = (byte[])whole.Clone();
            for (var changes = random.Next(1, 4); changes > 0; changes--)
                message[random.Next(16, message.Length)] = (byte)random.Next(256);
            try
            {
                var reader = new MessageReader(message);
                reader.Next();
                ConntrackEntry.Decode(reader);
            }
            catch (NetlinkException)
            {
                // The one exception that a malformed message may cause.
            }
        }
    }

    private static void Forget(ChannelDouble kernel, ConntrackFilter filter)
    {
        using var socket = new ConntrackSocket(new NetlinkSocket(kernel));
        socket.Delete(filter);
    }

    // A filter is answered by the error, a list by one entry, a deletion by name with success.
    private static IEnumerable<byte[]> Answer(byte[] request, int error)
    {
        var (sequence, type, _) = ChannelDouble.Requests(request)[0];
        if (type == Get)
            return [ChannelDouble.Message(NewEntry, sequence, Entry, flags: 2), ChannelDouble.Done(sequence)];
        var named = Convert.ToHexString(request).Contains("08000C0000000007", StringComparison.Ordinal);
        return [ChannelDouble.Acknowledge(sequence, named ? 0 : error)];
    }
}
