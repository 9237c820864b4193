using System.Text.Json;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Netlink;

/// <summary>Queueing disciplines and filters made by the library, judged by tc(8).</summary>
public sealed class TrafficTests : IDisposable
{
    private static readonly TcHandle One = new(1, 0);

    private readonly TestHost _host = TestHost.Create();
    private readonly RouteSocket _route;
    private readonly int _v0;
    private readonly int _v1;

    public TrafficTests()
    {
        using var space = NetworkNamespace.Open(_host.Path);
        _route = RouteSocket.Open(space);
        _host.Run("sh", "-c", "ip link add v0 type veth peer name v1 && ip link set v0 up && ip link set v1 up").Check();
        _v0 = _route.FindLink("v0")!.Index;
        _v1 = _route.FindLink("v1")!.Index;
    }

    public void Dispose()
    {
        _route.Dispose();
        _host.Dispose();
    }

    private void Execute(Action<NetlinkBatch> requests)
    {
        var batch = new NetlinkBatch();
        requests(batch);
        _route.Execute(batch);
    }

    private Qdisc? Find(int link, TcHandle parent)
    {
        Qdisc? found = null;
        Execute(batch => batch.GetQdisc(link, parent, qdisc => found = qdisc, Tolerated.Anything));
        return found;
    }

    [Fact]
    public void Token_bucket()
    {
        Needs.Tbf();
        Execute(batch => batch.AddQdisc(_v0, TcHandle.Root, One, new Tbf { Rate = 1_000_000, Limit = 125_000, Buffer = 1_562_500 }));
        JsonElement shown = _host.TcJson("qdisc show dev v0")[0];
        Assert.Equal("tbf 1: 1000000 100000b/1 25000", Text(shown));

        // Changed in place, beyond 32 bits.
        Execute(batch => batch.AddQdisc(_v0, TcHandle.Root, One, new Tbf { Rate = 5_000_000_000, Limit = 135_000_000, Buffer = 31250 }, replace: true));
        Assert.Equal("tbf 1: 5000000000 10000000b/1 25000", Text(_host.TcJson("qdisc show dev v0")[0]));
        var read = Tbf.Decode(Find(_v0, TcHandle.Root)!);
        Assert.Equal((5_000_000_000UL, 135_000_000U, 31250U), (read.Rate, read.Limit, read.Buffer));

        var exists = Assert.Throws<NetlinkException>(() => Execute(batch => batch.AddQdisc(_v0, TcHandle.Root, One, new Tbf { Rate = 1, Limit = 1, Buffer = 1 })));
        Assert.Equal(Errno.Exists, exists.Error);
        Execute(batch => batch.DeleteQdisc(_v0, TcHandle.Root));
        Assert.Equal("noqueue", _host.TcJson("qdisc show dev v0")[0].GetProperty("kind").GetString());
        Execute(batch => batch.DeleteQdisc(_v0, TcHandle.Root, tolerate: Tolerated.Missing));

        static string Text(JsonElement qdisc)
        {
            JsonElement options = qdisc.GetProperty("options");
            return $"{qdisc.GetProperty("kind").GetString()} {qdisc.GetProperty("handle").GetString()} {options.GetProperty("rate")} {options.GetProperty("burst")} {options.GetProperty("lat")}";
        }
    }

    [Fact]
    public void Hierarchy_of_buckets()
    {
        Needs.Htb();
        Execute(batch =>
        {
            batch.AddQdisc(_v0, TcHandle.Root, One, new Htb { Default = 0x10 });
            batch.AddClass(_v0, One, new TcHandle(1, 1), new HtbClass { Rate = 5_000_000_000, Buffer = 1000, CeilingBuffer = 1000, Quantum = 60_000 });
            batch.AddClass(_v0, new TcHandle(1, 1), new TcHandle(1, 0x10), new HtbClass { Rate = 1_000_000, Ceiling = 2_000_000, Buffer = 240_000, CeilingBuffer = 128_000 });
        });
        Assert.Equal(("htb", "0x10"), (_host.TcJson("qdisc show dev v0")[0].Text("kind"), _host.TcJson("qdisc show dev v0")[0].GetProperty("options").Text("default")));
        // tc of iproute2 6.1 has no JSON of htb's classes.
        string shown = _host.Run("tc", "class", "show", "dev", "v0").Check().StandardOutput;
        Assert.Contains("class htb 1:1 root rate 40Gbit ceil 40Gbit", shown, StringComparison.Ordinal);
        Assert.Contains("class htb 1:10 parent 1:1 prio 0 rate 8Mbit ceil 16Mbit burst 15Kb cburst 16Kb", shown, StringComparison.Ordinal);
        Assert.Equal(0x10, Htb.Decode(Find(_v0, TcHandle.Root)!).Default);
        Assert.Equal(
            [(5_000_000_000UL, 5_000_000_000UL, 1000U), (1_000_000, 2_000_000, 240_000)],
            _route.ListClasses(_v0).OrderBy(each => each.Handle.Value).Select(HtbClass.Decode).Select(each => (each.Rate, each.Ceiling, each.Buffer)));

        Execute(batch => batch.AddClass(_v0, new TcHandle(1, 1), new TcHandle(1, 0x10), new HtbClass { Rate = 500_000, Buffer = 240_000, CeilingBuffer = 240_000 }, replace: true));
        Assert.Contains("rate 4Mbit ceil 4Mbit", _host.Run("tc", "class", "show", "dev", "v0").Check().StandardOutput, StringComparison.Ordinal);
        Execute(batch => batch.DeleteClass(_v0, new TcHandle(1, 0x10)));
        Assert.Single(_route.ListClasses(_v0));
    }

    [Fact]
    public void Redirection_to_an_ifb()
    {
        Needs.Ifb();
        Needs.Ingress();
        Execute(batch => batch.AddLink(new LinkSettings { Name = "ifb", Kind = new Ifb(), Up = true }));
        var ifb = Assert.Single(_route.ListLinks(Ifb.KindName), link => link.Name == "ifb").Index;
        Execute(batch => batch.AddQdisc(_v0, TcHandle.Ingress, TcHandle.IngressQdisc, new Ingress()));
        Execute(batch => batch.AddFilter(_v0, TcHandle.IngressQdisc, 1, new U32Filter { ClassId = new TcHandle(1, 1), Actions = [new Mirred { Link = ifb }] }));

        JsonElement shown = _host.TcJson("filter show dev v0 parent ffff:").EnumerateArray().Last();
        JsonElement action = shown.GetProperty("options").GetProperty("actions")[0];
        Assert.Equal(("all", 1, "u32"), (shown.GetProperty("protocol").GetString(), shown.GetProperty("pref").GetInt32(), shown.GetProperty("kind").GetString()));
        Assert.Equal(("redirect", "egress", "ifb"), (action.GetProperty("mirred_action").GetString(), action.GetProperty("direction").GetString(), action.GetProperty("to_dev").GetString()));
        var read = U32Filter.Decode(_route.ListFilters(_v0, TcHandle.IngressQdisc)[^1]);
        Assert.True(read.MatchesAll);
        Assert.Equal(ifb, Assert.IsType<Mirred>(Assert.Single(read.Actions)).Link);
        Assert.Equal(Ingress.KindName, Find(_v0, TcHandle.Ingress)!.Kind);
        Assert.Null(Find(_v1, TcHandle.Ingress));

        Execute(batch => batch.DeleteFilters(_v0, TcHandle.IngressQdisc, 1));
        Assert.Equal(0, _host.TcJson("filter show dev v0 parent ffff:").GetArrayLength());
        Execute(batch => batch.DeleteQdisc(_v0, TcHandle.Ingress));
        Assert.Empty(_route.ListFilters(_v0, TcHandle.IngressQdisc));
        Assert.Empty(_route.ListFilters(12345, TcHandle.IngressQdisc));
    }

    [Fact]
    public void Filter_of_chosen_packets()
    {
        Needs.Ingress();
        Execute(batch => batch.AddQdisc(_v0, TcHandle.Ingress, TcHandle.IngressQdisc, new Clsact()));
        // tc filter add dev v0 egress protocol ip prio 7 u32 match ip dst 192.0.2.1/32 …
        var key = new U32Key(Mask: 0xffffffff, Value: BitConverter.ToUInt32([192, 0, 2, 1]), Offset: 16);
        Execute(batch => batch.AddFilter(_v0, TcHandle.ClsactEgress, 7, new U32Filter { Keys = [key], Actions = [new Mirred { Link = _v1 }] }, protocol: 0x0800));

        JsonElement shown = _host.TcJson("filter show dev v0 egress").EnumerateArray().Last();
        Assert.Equal(("ip", 7), (shown.GetProperty("protocol").GetString(), shown.GetProperty("pref").GetInt32()));
        Assert.Equal(("c0000201", 16), (shown.GetProperty("options").GetProperty("match").GetProperty("value").GetString(), shown.GetProperty("options").GetProperty("match").GetProperty("off").GetInt32()));
        var read = _route.ListFilters(_v0, TcHandle.ClsactEgress)[^1];
        Assert.Equal((0x0800, 7), (read.Protocol, read.Priority));
        Assert.Equal([key], U32Filter.Decode(read).Keys);
    }

    [Fact]
    public void Match_all()
    {
        Needs.Ingress();
        Needs.Kernel("the matchall classifier (CONFIG_NET_CLS_MATCHALL)", space =>
            space.Run("sh", "-c", "tc qdisc add dev lo clsact && tc filter add dev lo ingress matchall action mirred egress mirror dev lo").ExitCode == 0);
        Execute(batch => batch.AddQdisc(_v0, TcHandle.Ingress, TcHandle.IngressQdisc, new Clsact()));
        Execute(batch => batch.AddFilter(_v0, TcHandle.ClsactIngress, 5, new MatchAllFilter { Actions = [new Mirred { Link = _v1, Operation = MirredOperation.EgressMirror, Verdict = TcVerdict.Pipe }] }));

        JsonElement action = _host.TcJson("filter show dev v0 ingress").EnumerateArray().Last().GetProperty("options").GetProperty("actions")[0];
        Assert.Equal(("mirror", "v1"), (action.GetProperty("mirred_action").GetString(), action.GetProperty("to_dev").GetString()));
        var read = MatchAllFilter.Decode(_route.ListFilters(_v0, TcHandle.ClsactIngress)[^1]);
        Assert.Equal(MirredOperation.EgressMirror, Assert.IsType<Mirred>(Assert.Single(read.Actions)).Operation);
    }

    [Fact]
    public void Bad_link()
    {
        Needs.Netem();
        var bad = new Netem
        {
            Delay = TimeSpan.FromMilliseconds(100), Jitter = TimeSpan.FromMilliseconds(10), Loss = 0.25, Duplicate = 0.5, Corrupt = 0.125, Reorder = 0.75, Rate = 1_000_000, Limit = 2000,
        };
        Execute(batch => batch.AddQdisc(_v0, TcHandle.Root, One, bad));

        JsonElement options = _host.TcJson("qdisc show dev v0")[0].GetProperty("options");
        Assert.Equal((0.1, 0.01), (Math.Round(options.GetProperty("delay").GetProperty("delay").GetDouble(), 6), Math.Round(options.GetProperty("delay").GetProperty("jitter").GetDouble(), 6)));
        Assert.Equal(0.25, Math.Round(options.GetProperty("loss-random").GetProperty("loss").GetDouble(), 6));
        Assert.Equal(0.5, Math.Round(options.GetProperty("duplicate").GetProperty("duplicate").GetDouble(), 6));
        Assert.Equal(0.125, Math.Round(options.GetProperty("corrupt").GetProperty("corrupt").GetDouble(), 6));
        Assert.Equal(0.75, Math.Round(options.GetProperty("reorder").GetProperty("reorder").GetDouble(), 6));
        Assert.Equal(1_000_000, options.GetProperty("rate").GetProperty("rate").GetInt64());
        var read = Netem.Decode(Find(_v0, TcHandle.Root)!);
        Assert.Equal((bad.Delay, bad.Jitter, bad.Rate, bad.Limit), (read.Delay, read.Jitter, read.Rate, read.Limit));
    }

    [Fact]
    public void Namespace_of_ones_own()
    {
        using var made = NetworkNamespace.Create();
        using var here = NetworkNamespace.OpenCurrent();
        Assert.False(made.IsSameAs(here));
        using var route = RouteSocket.Open(made);
        Assert.Contains(route.ListLinks(), link => link.Name == "lo" && !link.IsUp);
    }
}
