using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Tests.Netlink;

/// <summary>The rest of netem, and red, judged by the bytes that tc(8) sends.</summary>
public class NetemGoldenTests
{
    private const int V0 = 3;

    private static readonly TcHandle One = new(1, 0);

    [Fact] // tc qdisc add dev v0 root handle 1: netem loss state 1% 90% 30% 80% 2% ecn
    public void Losses_of_four_states() => Sent("qdisc-add-netem-loss-state", new Netem { LossModel = new FourStateLoss(0.01) { P31 = 0.9, P32 = 0.3, P23 = 0.8, P14 = 0.02 }, Ecn = true });

    [Fact] // tc qdisc add dev v0 root handle 1: netem loss state 1%
    public void Losses_of_four_states_of_which_one_is_told() => Sent("qdisc-add-netem-loss-state-short", new Netem { LossModel = new FourStateLoss(0.01) });

    [Fact] // tc qdisc add dev v0 root handle 1: netem loss gemodel 1% 10% 70% 0.1%
    public void Losses_of_Gilbert_and_Elliott() => Sent("qdisc-add-netem-loss-gemodel", new Netem { LossModel = new GilbertElliottLoss(0.01) { R = 0.1, OneMinusH = 0.7, OneMinusK = 0.001 } });

    [Fact] // tc qdisc add dev v0 root handle 1: netem loss gemodel 1%
    public void Losses_of_Gilbert_and_Elliott_of_which_one_is_told() => Sent("qdisc-add-netem-loss-gemodel-short", new Netem { LossModel = new GilbertElliottLoss(0.01) });

    [Fact] // tc qdisc add dev v0 root handle 1: netem slot 800us 1ms packets 32 bytes 65536
    public void Packets_in_bunches() =>
        Sent("qdisc-add-netem-slot", new Netem { Slot = new NetemSlot { Least = TimeSpan.FromMicroseconds(800), Most = TimeSpan.FromMilliseconds(1), Packets = 32, Bytes = 65536 } });

    [Fact] // tc qdisc add dev v0 root handle 1: netem rate 5kbit 20 100 5
    public void Rate_of_cells() => Sent("qdisc-add-netem-rate-cells", new Netem { Rate = 625, RateOverhead = 20, CellSize = 100, CellOverhead = 5 });

    [Fact] // as tc does for "slot distribution" and "delay distribution", but with a table of two
    public void Distributions_to_the_byte()
    {
        var batch = new NetlinkBatch();
        NetemDistribution two = new("two", [-8192, 8191]);
        batch.AddQdisc(V0, TcHandle.Root, One, new Netem
        {
            Delay = TimeSpan.FromMilliseconds(20),
            Jitter = TimeSpan.FromMilliseconds(5),
            Distribution = two,
            Slot = new NetemSlot { Distribution = two, Delay = TimeSpan.FromMicroseconds(800), Jitter = TimeSpan.FromMicroseconds(100), Packets = 32 },
        });
        GoldenBytes.Equal(batch.Writer.Written, """
            88000000 2400 0106 00000000 00000000                    # RTM_NEWQDISC, REQUEST | EXCL | CREATE
            00000000 03000000 00000100 ffffffff 00000000            # struct tcmsg: link 3, handle 1:, parent TC_H_ROOT
            0a00 0100 6e6574656d000000                              # TCA_KIND "netem"
            5800 0200                                               # TCA_OPTIONS
              b4c40400 e8030000 00000000 00000000 00000000 2d310100 #   struct tc_netem_qopt: latency, limit, loss, gap, duplicate, jitter
              2c00 0c00                                             #   TCA_NETEM_SLOT
                0000000000000000 0000000000000000 20000000 00000000 #     least, most, packets, bytes
                00350c0000000000 a086010000000000                   #     dist_delay 800000 ns, dist_jitter 100000 ns
              0800 0d00 00e0ff1f                                    #   TCA_NETEM_SLOT_DIST
              0800 0200 00e0ff1f                                    #   TCA_NETEM_DELAY_DIST
            """);
        Assert.Equal(16_384, 4 * NetemDistribution.Pareto.Table.Count);
        Assert.Throws<ArgumentException>(() => new NetemDistribution("none", []));
    }

    [Fact] // tc qdisc add dev v0 parent 5:1 handle 6: red limit 1000000 min 30000 max 35000 avpkt 1500 burst 20 bandwidth 10mbit probability 1 ecn
    public void Early_detection()
    {
        Red red = new() { Limit = 1_000_000, Least = 30_000, Most = 35_000, AveragePacket = 1500, Burst = 20, Rate = 1_250_000, Probability = 1, Ecn = true };
        AttributeTree.Equal("qdisc-add-red", batch => batch.AddQdisc(V0, new TcHandle(5, 1), new TcHandle(6, 0), red));

        Red read = Red.Decode(Captured.Decode(Captured.Request("qdisc-add-red"), Qdisc.Decode));
        Assert.Equal((1_000_000U, 30_000U, 35_000U, true), (read.Limit, read.Least, read.Most, read.Ecn));
        Assert.Throws<NetlinkException>(() => Red.Decode(Captured.Decode(Captured.Request("qdisc-add-netem"), Qdisc.Decode)));
        Assert.Throws<InvalidOperationException>(() => new NetlinkBatch().AddQdisc(V0, TcHandle.Root, One, new Red { Limit = 1, Least = 9000, Most = 3000 }));
        Assert.Throws<InvalidOperationException>(() => new NetlinkBatch().AddQdisc(V0, TcHandle.Root, One, new Red { Limit = 1, Least = 90_000, Most = 99_000, Burst = 2 }));
    }

    [Fact]
    public void They_are_read_as_they_were_written()
    {
        var state = Assert.IsType<FourStateLoss>(Read("qdisc-add-netem-loss-state").LossModel);
        Assert.Equal([0.01, 0.9, 0.3, 0.8, 0.02], new[] { state.P13, state.P31, state.P32, state.P23, state.P14 }.Select(n => Math.Round(n, 6)));
        Assert.True(Read("qdisc-add-netem-loss-state").Ecn);
        var gilbert = Assert.IsType<GilbertElliottLoss>(Read("qdisc-add-netem-loss-gemodel").LossModel);
        Assert.Equal([0.01, 0.1, 0.7, 0.001], new[] { gilbert.P, gilbert.R, gilbert.OneMinusH, gilbert.OneMinusK }.Select(n => Math.Round(n, 6)));
        Assert.Equal(new NetemSlot { Least = TimeSpan.FromMicroseconds(800), Most = TimeSpan.FromMilliseconds(1), Packets = 32, Bytes = 65536 }, Read("qdisc-add-netem-slot").Slot);
        Netem cells = Read("qdisc-add-netem-rate-cells");
        Assert.Equal((625UL, 20, 100U, 5), (cells.Rate, cells.RateOverhead, cells.CellSize, cells.CellOverhead));
        Assert.Null(cells.Slot);
    }

    private static Netem Read(string captured) => Netem.Decode(Captured.Decode(Captured.Request(captured), Qdisc.Decode));

    private static void Sent(string captured, Netem netem) => AttributeTree.Equal(captured, batch => batch.AddQdisc(V0, TcHandle.Root, One, netem));
}
