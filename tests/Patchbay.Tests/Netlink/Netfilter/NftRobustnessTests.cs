using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Codec;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;

namespace Patchbay.Tests.Netlink.Netfilter;

/// <summary>Damaged messages: the decoders end, with a result or a NetlinkException.</summary>
public class NftRobustnessTests : NftGolden
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Damaged_messages_do_no_harm(int seed)
    {
        var random = new Random(seed);
        var corpus = Corpus();
        for (var round = 0; round < 20_000; round++)
        {
            var message = (byte[])corpus[random.Next(corpus.Count)].Clone();
            for (var changes = random.Next(1, 6); changes > 0; changes--)
                message[random.Next(16, message.Length)] = random.Next(4) == 0 ? (byte)0xff : (byte)random.Next(256);
            if (random.Next(4) == 0)
                message = Truncate(message, random.Next(16, message.Length));
            try
            {
                Decode(message);
            }
            catch (NetlinkException)
            {
                // The one exception that a malformed message may cause.
            }
        }
    }

    [Fact]
    public void Unknown_expression_is_kept()
    {
        var rule = new NftRule(NftFamily.Ip, "t", "c", [new NftUnknown("quota", new byte[] { 8, 0, 2, 0, 0, 0, 0, 1 })]);
        var bytes = Assert.Single(Encode(t => t.Add(rule)));
        var reader = new MessageReader(bytes);
        Assert.True(reader.Next());

        var kept = Assert.IsType<NftUnknown>(Assert.Single(NftRule.Decode(reader).Expressions));

        Assert.Equal("quota", kept.Name);
        Assert.Equal([8, 0, 2, 0, 0, 0, 0, 1], kept.Data.ToArray());
    }

    private static byte[] Truncate(byte[] message, int length)
    {
        var shorter = message[..length];
        BitConverter.TryWriteBytes(shorter, length);
        return shorter;
    }

    private static void Decode(byte[] message)
    {
        var reader = new MessageReader(message);
        if (!reader.Next())
            return;
        switch (reader.Type & 0xff)
        {
            case 0: NftTable.Decode(reader); break;
            case 3: NftChain.Decode(reader); break;
            case 6:
                var marked = NftRuleMark.Decode(reader, null);
                var rule = NftRule.Decode(reader);
                Assert.Equal(marked.Handle, rule.Handle);
                break;
            case 9: NftSet.Decode(reader); break;
            case 12: NftSetElement.Decode(reader.Fixed<int>(out _)); break;
        }
    }

    private static List<byte[]> Corpus()
    {
        var address = IPAddress.Parse("10.1.2.3");
        var set = new NftSet(NftFamily.Ip, "t", "s", NftDataType.Concatenation(NftDataType.Ipv4Address, NftDataType.InetService)) { DataType = NftDataType.Verdict, Interval = true, Comment = "x" };
        var rule = new NftRuleBuilder(NftFamily.Inet).Source(address, 23).DestinationPort(6, 80, 90).State(NftConnectionState.New).DestinationIsLocal().Mark(1, 2)
            .Add(new NftRange(NftKey.Port(1), NftKey.Port(2))).Add(new NftLog { Prefix = "p", Level = 1 }).Add(new NftLimit(1)).Add(new NftNumber(2)).Add(new NftHash(NftRegister.R1, 4, 2))
            .Add(new NftByteOrder(true, 4, 4)).Counter().Reject().Masquerade(NftNatOptions.Random).Redirect(1).DestinationNat(address, 80).VerdictFrom(new NftSetReference("s")).Jump("d").Build();
        return Encode(t =>
        {
            t.Add(new NftTable(NftFamily.Inet, "t") { Comment = "x" });
            t.Add(new NftChain(NftFamily.Inet, "t", "c") { Hook = new NftHook("filter", NftHookPoint.Forward, 0) { Device = "lo" }, Comment = "x", Owner = "y" });
            t.Add(new NftRule(NftFamily.Inet, "t", "c", rule) { Comment = "x", Owner = "y" });
            t.Add(set, [new NftSetElement(new byte[8]) { LastKey = new byte[8], Data = new NftData(NftVerdict.Drop), Comment = "x" }]);
        });
    }
}
