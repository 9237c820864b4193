using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Tests.Netlink;

/// <summary>Queueing disciplines and filters, judged by the bytes that tc(8) and the kernel exchange.</summary>
public class TrafficGoldenTests
{
    private const int V0 = 3;
    private const int V1 = 2;
    private const int Ifb0 = 4;

    private static readonly TcHandle One = new(1, 0);

    [Fact] // tc qdisc add dev v0 handle ffff: ingress
    public void Ingress_hook() => AttributeTree.Equal("qdisc-add-ingress", batch => batch.AddQdisc(V0, TcHandle.Ingress, TcHandle.IngressQdisc, new Ingress()));

    [Fact] // tc qdisc add dev v1 clsact
    public void Hooks_of_both_directions() => AttributeTree.Equal("qdisc-add-clsact", batch => batch.AddQdisc(V1, TcHandle.Ingress, TcHandle.IngressQdisc, new Clsact()));

    [Fact] // tc qdisc del dev v0 root
    public void Deletion() => AttributeTree.Equal("qdisc-del", batch => batch.DeleteQdisc(V0, TcHandle.Root));

    [Fact] // tc filter add dev v0 parent ffff: protocol all prio 1 u32 match u32 0 0 flowid 1:1 action mirred egress redirect dev ifb0
    public void Redirection_of_every_packet() => AttributeTree.Equal("filter-add-u32", batch =>
        batch.AddFilter(V0, TcHandle.IngressQdisc, 1, new U32Filter { ClassId = new TcHandle(1, 1), Actions = [new Mirred { Link = Ifb0 }] }));

    [Fact] // tc filter del dev v0 parent ffff: protocol all prio 1
    public void Deletion_of_the_filters_of_a_priority() => AttributeTree.Equal("filter-del", batch => batch.DeleteFilters(V0, TcHandle.IngressQdisc, 1));

    [Fact] // what the plugin bandwidth of containernetworking-plugins 1.1.1 sends for 8 Mbit/s and a burst of 800 kbit
    public void Token_bucket_to_the_byte()
    {
        var batch = new NetlinkBatch();
        batch.AddQdisc(V0, TcHandle.Root, One, new Tbf { Rate = 1_000_000, Limit = 125_000, Buffer = 1_562_500 });
        GoldenBytes.Equal(batch.Writer.Written, """
            58000000 2400 0106 00000000 00000000                    # RTM_NEWQDISC, REQUEST | EXCL | CREATE (the plugin also asks for an ACK)
            00000000 03000000 00000100 ffffffff 00000000            # struct tcmsg: link 3, handle 1:, parent TC_H_ROOT
            0800 0100 74626600                                      # TCA_KIND "tbf"
            2c00 0200                                               # TCA_OPTIONS, without NLA_F_NESTED
              2800 0100                                             #   TCA_TBF_PARMS
                00 00 0000 0000 0000 40420f00                       #     struct tc_ratespec rate: 1000000 bytes/s
                00 00 0000 0000 0000 00000000                       #     peakrate
                48e80100 84d71700 00000000                          #     limit, buffer, mtu
            """);
    }

    [Fact] // the same for 40 Gbit/s and a burst of 80 Mbit, but for the 32-bit rate, which that plugin cuts off
    public void Token_bucket_beyond_32_bits_to_the_byte()
    {
        var batch = new NetlinkBatch();
        batch.AddQdisc(V0, TcHandle.Root, One, new Tbf { Rate = 5_000_000_000, Limit = 135_000_000, Buffer = 31250 }, replace: true);
        GoldenBytes.Equal(batch.Writer.Written, """
            64000000 2400 0105 00000000 00000000                    # RTM_NEWQDISC, REQUEST | REPLACE | CREATE
            00000000 03000000 00000100 ffffffff 00000000
            0800 0100 74626600
            3800 0200
              2800 0100
                00 00 0000 0000 0000 ffffffff                       #     the largest that 32 bits hold
                00 00 0000 0000 0000 00000000
                c0ef0b08 127a0000 00000000
              0c00 0400 00f2052a01000000                            #   TCA_TBF_RATE64
            """);
    }

    [Fact] // tc qdisc add dev v0 root handle 5: htb default 1
    public void Hierarchy_of_buckets() => AttributeTree.Equal("qdisc-add-htb", batch => batch.AddQdisc(V0, TcHandle.Root, new TcHandle(5, 0), new Htb { Default = 1 }));

    [Fact] // tc class add dev v0 parent 5: classid 5:1 htb rate 40gbit ceil 8mbit burst 15k cburst 15k, but for the tables that tc sends to kernels before 2.6.23
    public void Class_of_a_hierarchy_to_the_byte()
    {
        var batch = new NetlinkBatch();
        batch.AddClass(V0, new TcHandle(5, 0), new TcHandle(5, 1), new HtbClass { Rate = 5_000_000_000, Ceiling = 1_000_000, Buffer = 48, CeilingBuffer = 240_000 });
        GoldenBytes.Equal(batch.Writer.Written, """
            6c000000 2800 0106 00000000 00000000                    # RTM_NEWTCLASS, REQUEST | EXCL | CREATE
            00000000 03000000 01000500 00000500 00000000            # struct tcmsg: link 3, handle 5:1, parent 5:
            0800 0100 68746200                                      # TCA_KIND "htb"
            4000 0200                                               # TCA_OPTIONS, without NLA_F_NESTED
              3000 0100                                             #   TCA_HTB_PARMS
                00 01 0000 0000 0000 ffffffff                       #     struct tc_ratespec rate: TC_LINKLAYER_ETHERNET, the largest that 32 bits hold
                00 01 0000 0000 0000 40420f00                       #     ceil: 1000000 bytes/s
                30000000 80a90300 00000000 00000000 00000000        #     buffer, cbuffer, quantum, level, prio
              0c00 0600 00f2052a01000000                            #   TCA_HTB_RATE64
            """);
    }

    [Fact] // tc qdisc show dev v0; tc class show dev v0
    public void Hierarchies_are_read()
    {
        Assert.Equal(1, Htb.Decode(Captured.Decode("qdisc-show-htb", Qdisc.Decode).Single(qdisc => qdisc.Kind == Htb.KindName)).Default);

        // rate 8mbit ceil 16mbit burst 15k cburst 16k; in it: rate 40gbit
        var classes = Captured.Decode("class-show-htb", TcClass.Decode);
        Assert.Equal(["5:1 root", "5:2 5:1"], classes.Select(each => $"{each.Handle} {each.Parent}").Order());
        var slow = HtbClass.Decode(classes.Single(each => each.Parent == TcHandle.Root));
        Assert.Equal((1_000_000UL, 2_000_000UL, 240_000U, 128_000U), (slow.Rate, slow.Ceiling, slow.Buffer, slow.CeilingBuffer));
        var fast = HtbClass.Decode(classes.Single(each => each.Parent == new TcHandle(5, 1)));
        Assert.Equal((5_000_000_000UL, 5_000_000_000UL), (fast.Rate, fast.Ceiling));
        Assert.Throws<NetlinkException>(() => HtbClass.Decode(classes[0] with { Kind = "hfsc" }));
        Assert.Throws<NetlinkException>(() => Htb.Decode(Captured.Decode(Captured.Request("qdisc-add-netem"), Qdisc.Decode)));
    }

    private static readonly Netem Bad = new()
    {
        Limit = 2000,
        Delay = TimeSpan.FromMilliseconds(100),
        Jitter = TimeSpan.FromMilliseconds(10),
        DelayCorrelation = 0.25,
        Loss = 0.01,
        LossCorrelation = 0.05,
        Duplicate = 0.02,
        Corrupt = 0.03,
        Reorder = 0.25,
        ReorderCorrelation = 0.5,
        Rate = 1_000_000,
    };

    [Fact] // tc qdisc add dev v0 root handle 1: netem limit 2000 delay 100ms 10ms 25% loss 1% 5% duplicate 2% corrupt 3% reorder 25% 50% rate 8mbit
    public void Bad_link() => AttributeTree.Equal("qdisc-add-netem", batch => batch.AddQdisc(V0, TcHandle.Root, One, Bad));

    [Fact] // tc qdisc add dev v0 root handle 1: netem delay 5s rate 40gbit
    public void Slow_and_fast_link() =>
        AttributeTree.Equal("qdisc-add-netem-rate64", batch => batch.AddQdisc(V0, TcHandle.Root, One, new Netem { Delay = TimeSpan.FromSeconds(5), Rate = 5_000_000_000 }));

    [Fact] // tc qdisc add dev v0 root netem loss 100%
    public void Dead_link() => AttributeTree.Equal("qdisc-add-netem-loss", batch => batch.AddQdisc(V0, TcHandle.Root, TcHandle.None, new Netem { Loss = 1 }));

    [Fact] // tc filter add dev v0 ingress prio 5 protocol all matchall action mirred egress mirror dev ifb0
    public void Copy_of_every_packet() => AttributeTree.Equal("filter-add-matchall", batch =>
        batch.AddFilter(V0, TcHandle.ClsactIngress, 5, new MatchAllFilter { Actions = [new Mirred { Link = Ifb0, Operation = MirredOperation.EgressMirror, Verdict = TcVerdict.Pipe }] }));

    [Fact]
    public void Bad_link_is_read_as_it_was_written()
    {
        var bad = Netem.Decode(Captured.Decode(Captured.Request("qdisc-add-netem"), Qdisc.Decode));
        Assert.Equal((Bad.Limit, Bad.Delay, Bad.Jitter, Bad.Rate, 1U), (bad.Limit, bad.Delay, bad.Jitter, bad.Rate, bad.Gap));
        Assert.Equal(
            [0.25, 0.01, 0.05, 0.02, 0, 0.03, 0, 0.25, 0.5],
            new[] { bad.DelayCorrelation, bad.Loss, bad.LossCorrelation, bad.Duplicate, bad.DuplicateCorrelation, bad.Corrupt, bad.CorruptCorrelation, bad.Reorder, bad.ReorderCorrelation }.Select(n => Math.Round(n, 6)));
        Assert.Equal(5_000_000_000UL, Netem.Decode(Captured.Decode(Captured.Request("qdisc-add-netem-rate64"), Qdisc.Decode)).Rate);
        Assert.Equal(TimeSpan.FromHours(1), Again(new Netem { Delay = TimeSpan.FromHours(1) }).Delay);
        Assert.Throws<ArgumentOutOfRangeException>(() => Again(new Netem { Loss = 1.5 }));
        Assert.Throws<ArgumentOutOfRangeException>(() => Again(new Netem { Delay = TimeSpan.FromSeconds(-1) }));

        static Netem Again(Netem netem)
        {
            var batch = new NetlinkBatch();
            batch.AddQdisc(V0, TcHandle.Root, One, netem);
            return Netem.Decode(Captured.Decode(batch.Writer.Written.ToArray(), Qdisc.Decode));
        }
    }

    [Fact] // tc qdisc show
    public void Queueing_disciplines_are_read()
    {
        // tc qdisc add dev v0 root handle 1: tbf rate 8mbit burst 100000 latency 25ms peakrate 16mbit minburst 1600
        // tc qdisc add dev ifb0 root handle 1: tbf rate 40gbit burst 10mb latency 25ms
        var all = Captured.Decode("qdisc-show", Qdisc.Decode);
        Assert.Equal(
            ["noqueue none root", "clsact ffff: ffff:fff1", "tbf 1: root", "ingress ffff: ffff:fff1", "tbf 1: root"],
            all.Select(q => $"{q.Kind} {q.Handle} {q.Parent}"));
        Assert.Equal([V1, V1, V0, V0, Ifb0], all.Select(q => q.Link));

        var slow = Tbf.Decode(all[2]);
        Assert.Equal((1_000_000UL, 2_000_000UL, 51_600U, 1_562_500U), (slow.Rate, slow.PeakRate, slow.Limit, slow.Buffer));
        Assert.Equal(12_500U, slow.PeakBuffer);
        var fast = Tbf.Decode(all[4]);
        Assert.Equal((5_000_000_000UL, 0UL), (fast.Rate, fast.PeakRate));
        Assert.Throws<NetlinkException>(() => Tbf.Decode(all[3]));
    }

    [Fact] // tc filter show dev v0 parent ffff:
    public void Filters_are_read()
    {
        var all = Captured.Decode("filter-show-u32", TcFilter.Decode);
        Assert.Equal([0U, 0x80000000U, 0x80000800U], all.Select(f => f.Handle));
        Assert.All(all, f => Assert.Equal((V0, "ffff:", 1, TcFilter.AllProtocols, "u32"), (f.Link, f.Parent.ToString(), f.Priority, f.Protocol, f.Kind)));
        Assert.False(U32Filter.Decode(all[0]).MatchesAll);
        Assert.Empty(U32Filter.Decode(all[1]).Keys);
        var filter = U32Filter.Decode(all[2]);
        Assert.True(filter.MatchesAll);
        Assert.Equal("1:1", filter.ClassId.ToString());
        var redirection = Assert.IsType<Mirred>(Assert.Single(filter.Actions));
        Assert.Equal((Ifb0, MirredOperation.EgressRedirect, TcVerdict.Stolen), (redirection.Link, redirection.Operation, redirection.Verdict));
        Assert.Throws<NetlinkException>(() => MatchAllFilter.Decode(all[2]));
    }

    [Theory]
    [InlineData("000003e8 00000040 000f4240 3b9aca00\n", 15.625)]
    [InlineData("000003e8 00000400 3b9aca00 3b9aca00\n", 1000)] // Linux 2.6.22 to 2.6.30
    public void Clock(string psched, double ticks) => Assert.Equal(ticks, TcClock.Parse(psched).TicksPerMicrosecond);

    [Theory]
    [InlineData("")]
    [InlineData("000003e8 00000040")]
    [InlineData("000003e8 00000000 000f4240 3b9aca00")]
    [InlineData("a clock that is none")]
    public void Clock_that_is_none(string psched) => Assert.Throws<NetlinkException>(() => TcClock.Parse(psched));

    [Fact]
    public void Handles_are_written_as_tc_writes_them() =>
        Assert.Equal(["1:", "1:a", "ffff:", "root", "none", "ffff:fff1"], new[] { One, new(1, 10), TcHandle.IngressQdisc, TcHandle.Root, TcHandle.None, TcHandle.Ingress }.Select(h => h.ToString()));
}
