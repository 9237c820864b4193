using System.Globalization;
using System.Text.Json;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Netlink;

/// <summary>Bursts, bunches, distributions and early detection made by the library, judged by tc(8) and by its tables.</summary>
public sealed class NetemTests : IDisposable
{
    private static readonly TcHandle One = new(1, 0);

    private readonly TestHost _host = TestHost.Create();
    private readonly RouteSocket _route;

    public NetemTests()
    {
        using var space = NetworkNamespace.Open(_host.Path);
        _route = RouteSocket.Open(space);
        _host.Run("ip", "link", "add", "v0", "up", "type", "veth", "peer", "name", "v1").Check();
    }

    public void Dispose()
    {
        _route.Dispose();
        _host.Dispose();
    }

    [Fact]
    public void Losses_in_bursts()
    {
        Needs.Netem();
        FourStateLoss four = new(0.01) { P31 = 0.9, P32 = 0.25, P23 = 0.75, P14 = 0.02 };
        Netem read = Added(new Netem { LossModel = four, Ecn = true }, out JsonElement options);
        JsonElement state = options.GetProperty("loss-state");
        Assert.Equal((0.01, 0.9, 0.25, 0.75, 0.02), (Share(state, "p13"), Share(state, "p31"), Share(state, "p32"), Share(state, "p23"), Share(state, "p14")));
        Assert.True(options.GetProperty("ecn").GetBoolean());
        Assert.True(read.Ecn);
        Assert.Equal(0.75, Math.Round(Assert.IsType<FourStateLoss>(read.LossModel).P23, 6));

        read = Added(new Netem { LossModel = new GilbertElliottLoss(0.01) { R = 0.1, OneMinusH = 0.7, OneMinusK = 0.001 } }, out options);
        JsonElement model = options.GetProperty("loss-gemodel");
        Assert.Equal((0.01, 0.1, 0.7, 0.001), (Share(model, "p"), Share(model, "r"), Share(model, "1-h"), Share(model, "1-k")));
        Assert.Equal(0.7, Math.Round(Assert.IsType<GilbertElliottLoss>(read.LossModel).OneMinusH, 6));
    }

    [Fact]
    public void Bunches_cells_and_distributions()
    {
        Needs.Netem();
        NetemSlot slot = new() { Least = TimeSpan.FromMicroseconds(800), Most = TimeSpan.FromMilliseconds(1), Packets = 32, Bytes = 65536 };
        Netem read = Added(new Netem { Slot = slot, Rate = 1_000_000, RateOverhead = 14, CellSize = 53, CellOverhead = 5 }, out JsonElement options);
        Assert.Equal(slot, read.Slot);
        Assert.Equal((14, 53U, 5), (read.RateOverhead, read.CellSize, read.CellOverhead));
        Assert.Equal((32, 65536), (options.GetProperty("slot").GetProperty("packets").GetInt32(), options.GetProperty("slot").GetProperty("bytes").GetInt32()));
        Assert.Equal(53, options.GetProperty("rate").GetProperty("cellsize").GetInt32());

        NetemSlot varied = new() { Distribution = NetemDistribution.Pareto, Delay = TimeSpan.FromMicroseconds(800), Jitter = TimeSpan.FromMicroseconds(100) };
        read = Added(new Netem { Delay = TimeSpan.FromMilliseconds(20), Jitter = TimeSpan.FromMilliseconds(5), Distribution = NetemDistribution.Normal, Slot = varied }, out _);
        Assert.Equal(varied with { Distribution = null }, read.Slot);
        // What the kernel does not tell, nobody can read.
        Assert.Null(read.Distribution);
    }

    [Fact]
    public void Early_detection()
    {
        Needs.Red();
        var batch = new NetlinkBatch();
        batch.AddQdisc(Link, TcHandle.Root, One, new Red { Limit = 1_000_000, Least = 30_000, Most = 35_000, Probability = 1, Ecn = true });
        _route.Execute(batch);

        JsonElement options = _host.TcJson("qdisc show dev v0")[0].GetProperty("options");
        Assert.Equal((1_000_000, 30_000, 35_000, true), (options.GetProperty("limit").GetInt32(), options.GetProperty("min").GetInt32(), options.GetProperty("max").GetInt32(), options.GetProperty("ecn").GetBoolean()));
        Assert.True(Red.Decode(_route.ListQdiscs().Single(each => each.Kind == Red.KindName)).Ecn);
    }

    [Theory]
    [InlineData("normal")]
    [InlineData("pareto")]
    [InlineData("paretonormal")]
    public void Tables_are_those_of_tc(string name)
    {
        string? file = Directory.EnumerateFiles("/usr/lib", $"{name}.dist", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 3, IgnoreInaccessible = true }).FirstOrDefault();
        Assert.SkipUnless(file is not null, "needs iproute2's tables of distributions");
        int[] theirs = [.. File.ReadLines(file!).Where(line => !line.StartsWith('#')).SelectMany(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Select(number => int.Parse(number, CultureInfo.InvariantCulture))];
        NetemDistribution ours = name switch { "normal" => NetemDistribution.Normal, "pareto" => NetemDistribution.Pareto, _ => NetemDistribution.ParetoNormal };

        Assert.Equal(theirs.Length, ours.Table.Count);
        // Theirs were found by steps of an inexact integral.
        Assert.All(theirs.Zip(ours.Table), pair => Assert.InRange(pair.Second - pair.First, -1, 1));
    }

    private int Link => _route.FindLink("v0")!.Index;

    private Netem Added(Netem netem, out JsonElement options)
    {
        var batch = new NetlinkBatch();
        batch.AddQdisc(Link, TcHandle.Root, One, netem, replace: true);
        _route.Execute(batch);
        options = _host.TcJson("qdisc show dev v0")[0].GetProperty("options");
        return Netem.Decode(_route.ListQdiscs().Single(each => each.Kind == Netem.KindName));
    }

    private static double Share(JsonElement of, string name) => Math.Round(of.GetProperty(name).GetDouble(), 6);
}
