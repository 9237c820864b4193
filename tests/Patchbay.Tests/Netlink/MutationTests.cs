using Patchbay.Netlink;
using Patchbay.Netlink.Codec;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Tests.Netlink;

/// <summary>Captured messages with bytes changed, cut and repeated: decoders end, and throw nothing but <see cref="NetlinkException"/>.</summary>
public class MutationTests
{
    private const int Rounds = 400;

    public static TheoryData<string> Captures => [.. Captured.Names];

    [Theory]
    [MemberData(nameof(Captures))]
    public void Decoders_survive_what_no_kernel_sends(string capture)
    {
        var messages = Captured.All(capture);
        Assert.NotEmpty(messages);
        for (var seed = 0; seed < Rounds; seed++)
        {
            var random = new Random(seed);
            foreach (var message in messages)
            {
                var mutant = Mutate(message, random);
                try
                {
                    DecodeAll(mutant);
                }
                catch (NetlinkException)
                {
                    // malformed, and said so
                }
                catch (Exception e)
                {
                    Assert.Fail($"{capture}, seed {seed}: {e}\n{Convert.ToHexString(mutant)}");
                }
            }
        }
    }

    private static byte[] Mutate(byte[] message, Random random)
    {
        var mutant = message.ToList();
        for (var changes = random.Next(1, 5); changes > 0; changes--)
        {
            // Mostly in the length or type of an attribute, which begin at multiples of four.
            var at = random.Next(mutant.Count);
            switch (random.Next(6))
            {
                case 0: mutant[at] = (byte)random.Next(256); break;
                case 1: mutant[at] ^= (byte)(1 << random.Next(8)); break;
                case 2: mutant[at & ~3] = (byte)random.Next(24); break;
                case 3: mutant[at & ~3] = (byte)random.Next(256); break;
                case 4 when mutant.Count > 40: mutant.RemoveRange(at, Math.Min(mutant.Count - at, random.Next(1, 9))); break;
                default: mutant.InsertRange(at & ~3, mutant.GetRange(at & ~3, Math.Min(4, mutant.Count - (at & ~3)))); break;
            }

            if (mutant.Count == 0)
                break;
        }

        // Half of the time the header tells the truth, so that the rest is looked at; half of the time any decoder gets it.
        var bytes = mutant.ToArray();
        if (bytes.Length >= 4 && random.Next(2) == 0)
            BitConverter.TryWriteBytes(bytes, bytes.Length);
        return bytes;
    }

    private static void DecodeAll(byte[] datagram)
    {
        List<Func<MessageReaderBox, object?>> decoders =
        [
            b => BridgePort.Decode(Link.Decode(b.Reader())),
            b => Bridge.Decode(Link.Decode(b.Reader()) with { Kind = Bridge.KindName }),
            b => Tun.Decode(Link.Decode(b.Reader()) with { Kind = Tun.KindName }),
            b => Macvlan.Decode(Link.Decode(b.Reader()) with { Kind = Macvlan.KindName }),
            b => Ipvlan.Decode(Link.Decode(b.Reader()) with { Kind = Ipvlan.KindName }),
            b => Macvtap.Decode(Link.Decode(b.Reader()) with { Kind = Macvtap.KindName }),
            b => Ipvtap.Decode(Link.Decode(b.Reader()) with { Kind = Ipvtap.KindName }),
            b => Vxlan.Decode(Link.Decode(b.Reader()) with { Kind = Vxlan.KindName }),
            b => Geneve.Decode(Link.Decode(b.Reader()) with { Kind = Geneve.KindName }),
            b => Vlan.Decode(Link.Decode(b.Reader()) with { Kind = Vlan.KindName }),
            b => NamespaceIdRequests.Decode(b.Reader()),
            b => InterfaceAddress.Decode(b.Reader()).ToString(),
            b => Route.Decode(b.Reader()).ToString(),
            b => Rule.Decode(b.Reader()).ToString(),
            b => Neighbour.Decode(b.Reader()).ToString(),
            b => BridgeVlan.Decode(b.Reader(), out _),
            b => Tbf.Decode(Qdisc.Decode(b.Reader()) with { Kind = Tbf.KindName }),
            b => Netem.Decode(Qdisc.Decode(b.Reader()) with { Kind = Netem.KindName }),
            b => Htb.Decode(Qdisc.Decode(b.Reader()) with { Kind = Htb.KindName }),
            b => HtbClass.Decode(TcClass.Decode(b.Reader()) with { Kind = Htb.KindName }),
            b => U32Filter.Decode(TcFilter.Decode(b.Reader()) with { Kind = U32Filter.KindName }),
            b => MatchAllFilter.Decode(TcFilter.Decode(b.Reader()) with { Kind = MatchAllFilter.KindName }),
            b => Acknowledgement.Read(b.Reader(), "test")?.Message,
        ];
        NetlinkException? malformed = null;
        foreach (var decode in decoders)
        {
            try
            {
                decode(new MessageReaderBox(datagram));
            }
            catch (NetlinkException e)
            {
                malformed = e;
            }
        }

        if (malformed is not null)
            throw malformed;
    }

    /// <summary>A reader on the first message, made anew for each decoder: a ref struct cannot be captured.</summary>
    private sealed record MessageReaderBox(byte[] Datagram)
    {
        internal MessageReader Reader()
        {
            var reader = new MessageReader(Datagram);
            return reader.Next() ? reader : throw new NetlinkException("test", "no message");
        }
    }
}
