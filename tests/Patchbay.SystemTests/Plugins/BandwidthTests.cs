using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>bandwidth: what it makes, judged by tc(8) and by what the reference plugin makes of the same configuration.</summary>
public sealed class BandwidthTests : IDisposable
{
    private readonly Shaping _s = new();

    private TestHost Host => _s.Host;

    public void Dispose() => _s.Dispose();

    [Fact]
    public void Both_directions_are_limited_and_everything_goes_again()
    {
        TestNamespace container = Host.AddContainer();
        Snapshot clean = Snapshot.Take(Host, except: "cni0");
        PluginResult connected = _s.Connect(container);
        Snapshot before = Snapshot.Take(Host);

        PluginResult added = _s.Bandwidth.Add(container, Shaping.Config(Shaping.Limits, connected)).Check();

        string veth = connected.HostEnd(), ifb = Shaping.Ifb(added);
        Assert.Equal("bwpd6582c1bc68a".Length, ifb.Length);
        JsonElement[] qdiscs = [.. Host.TcJson("qdisc show").EnumerateArray()];
        JsonElement down = Assert.Single(qdiscs, q => q.Text("dev") == veth && q.Text("kind") == "tbf");
        JsonElement up = Assert.Single(qdiscs, q => q.Text("dev") == ifb);
        Assert.Equal(("1:", "1000000", "25000"), (down.Text("handle"), down.GetProperty("options").Text("rate"), down.GetProperty("options").Text("lat")));
        Assert.Equal(("1:", "tbf", "2000000"), (up.Text("handle"), up.Text("kind"), up.GetProperty("options").Text("rate")));
        JsonElement link = Host.Link(ifb);
        Assert.Equal((true, "1500", "ifb"), (link.IsUp(), link.Text("mtu"), link.GetProperty("linkinfo").Text("info_kind")));
        Assert.EndsWith($", net: net, if: eth0, id: {container.Name}", link.Text("ifalias"), StringComparison.Ordinal);
        JsonElement told = added.Json.GetProperty("interfaces").EnumerateArray().Last();
        Assert.Equal((ifb, link.Text("address"), ""), (told.Text("name"), told.Text("mac"), told.Text("sandbox")));
        Assert.Equal(connected.ResultAddresses(), added.ResultAddresses());

        _s.Bandwidth.Check(container, Shaping.Config(Shaping.Limits, added)).Check();
        for (int time = 0; time < 2; time++)
        {
            _s.Bandwidth.Delete(container, Shaping.Config(Shaping.Limits, added)).Check();
            before.AssertSame(Snapshot.Take(Host));
            Assert.Empty(_s.State());
        }

        _s.Disconnect(container);
        _s.Bandwidth.Delete(container, Shaping.Config(Shaping.Limits, added)).Check();
        clean.AssertSame(Snapshot.Take(Host, except: "cni0"));
    }

    // One direction, both, what 32 bits do not hold (rates from 34.4 Gbit/s), and the burst that container engines always ask for.
    [Theory]
    [InlineData("""{ "ingressRate": 8000000, "ingressBurst": 800000 }""")]
    [InlineData("""{ "egressRate": 8000001, "egressBurst": 123457 }""")]
    [InlineData(Shaping.Limits)]
    [InlineData("""{ "ingressRate": 40000000000, "ingressBurst": 80000000, "egressRate": 34359738360, "egressBurst": 400000000 }""")]
    [InlineData("""{ "ingressRate": 34359738368, "ingressBurst": 8000000 }""")]
    [InlineData("""{ "runtimeConfig": { "bandwidth": { "ingressRate": 1000000, "ingressBurst": 4294967295, "egressRate": 100000, "egressBurst": 2147483647 } } }""")]
    [InlineData("""{ "runtimeConfig": { "bandwidth": { "ingressRate": 10000000, "ingressBurst": 4294967295, "egressRate": 999999999, "egressBurst": 4294967295 } } }""")]
    public void The_reference_makes_the_same(string keys)
    {
        TestNamespace container = Host.AddContainer();
        PluginResult connected = _s.Connect(container);
        Plugin reference = ReferencePlugins.Plugin(Host, "bandwidth");
        PluginResult theirs = reference.Add(container, Shaping.Config(keys, connected)).Check();
        string[] wanted = _s.State(exact: false);
        string theirIfb = keys.Contains("egress", StringComparison.Ordinal) ? Shaping.Ifb(theirs) : "";
        _s.Bandwidth.Check(container, Shaping.Config(keys, theirs)).Check();
        _s.Bandwidth.Delete(container, Shaping.Config(keys, theirs)).Check();
        Assert.Empty(_s.State());

        PluginResult ours = _s.Bandwidth.Add(container, Shaping.Config(keys, connected)).Check();

        Assert.Equal(wanted, _s.State(exact: false));
        Assert.Equal(Conf.Comparable(theirs, container), Conf.Comparable(ours, container));
        if (theirIfb.Length > 0)
            Assert.Equal(theirIfb, Shaping.Ifb(ours));
        reference.Check(container, Shaping.Config(keys, ours)).Check();
        reference.Delete(container, Shaping.Config(keys, ours)).Check();
        Assert.DoesNotContain(Host.IpJson("link show type ifb").EnumerateArray(), link => link.Text("ifname").Length > 0);
    }

    [Theory]
    [InlineData("0.3.0")]
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    [InlineData("1.1.0")]
    public void Every_version_that_tells_interfaces(string version)
    {
        TestNamespace container = Host.AddContainer();
        PluginResult connected = _s.Connect(container, version: version);

        PluginResult added = _s.Bandwidth.Add(container, Shaping.Config(Shaping.Limits, connected, version)).Check();

        Assert.Equal(version, added.Json.Text("cniVersion"));
        Shaping.Ifb(added);
        if (version is not ("0.3.0" or "0.3.1"))
            _s.Bandwidth.Check(container, Shaping.Config(Shaping.Limits, added, version)).Check();
        _s.Bandwidth.Delete(container, Shaping.Config(Shaping.Limits, null, version)).Check();
        Assert.Empty(_s.State());
    }

    [Fact]
    public void Repeated_add_changes_nothing_and_takes_new_limits()
    {
        TestNamespace container = Host.AddContainer();
        PluginResult connected = _s.Connect(container);
        PluginResult first = _s.Bandwidth.Add(container, Shaping.Config(Shaping.Limits, connected)).Check();
        string[] before = _s.State();

        PluginResult second = _s.Bandwidth.Add(container, Shaping.Config(Shaping.Limits, connected)).Check();
        Assert.Equal(before, _s.State());
        Assert.Equal(first.StandardOutput, second.StandardOutput);
        Assert.Equal(first.StandardOutput, _s.Bandwidth.Add(container, Shaping.Config(Shaping.Limits, first)).Check().StandardOutput);

        string faster = Shaping.Limits.Replace("8000000", "80000000", StringComparison.Ordinal);
        PluginResult changed = _s.Bandwidth.Add(container, Shaping.Config(faster, connected)).Check();
        _s.Bandwidth.Check(container, Shaping.Config(faster, changed)).Check();
        _s.Bandwidth.Check(container, Shaping.Config(Shaping.Limits, changed)).Failed(999, "Rate doesn't match", "10000000", "1000000");
        _s.Bandwidth.Delete(container, Shaping.Config(faster, changed)).Check();
        Assert.Empty(_s.State());

        // The reference cannot.
        Plugin reference = ReferencePlugins.Plugin(Host, "bandwidth");
        reference.Add(container, Shaping.Config(Shaping.Limits, connected)).Check();
        reference.Add(container, Shaping.Config(Shaping.Limits, connected)).Failed(999, "file exists");
        // Ours takes over what the reference began.
        PluginResult adopted = _s.Bandwidth.Add(container, Shaping.Config(Shaping.Limits, connected)).Check();
        _s.Bandwidth.Check(container, Shaping.Config(Shaping.Limits, adopted)).Check();
        _s.Bandwidth.Delete(container, Shaping.Config(Shaping.Limits, null)).Check();
        Assert.Empty(_s.State());
    }

    [Fact]
    public void What_a_teardown_left_on_the_link_is_replaced()
    {
        TestNamespace container = Host.AddContainer();
        PluginResult connected = _s.Connect(container);
        PluginResult added = _s.Bandwidth.Add(container, Shaping.Config(Shaping.Limits, connected)).Check();
        Host.Run("ip", "link", "del", Shaping.Ifb(added)).Check(); // all that the reference's DEL does

        PluginResult again = _s.Bandwidth.Add(container, Shaping.Config(Shaping.Limits, connected)).Check();

        _s.Bandwidth.Check(container, Shaping.Config(Shaping.Limits, again)).Check();
        container.Ping("10.22.0.1");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Nothing_to_limit_hands_the_result_on(bool capability)
    {
        TestNamespace container = Host.AddContainer();
        PluginResult connected = _s.Connect(container);
        // Any of the four keys, even with 0, switches the capability off.
        string keys = capability
            ? """{ "ingressRate": 0, "runtimeConfig": { "bandwidth": { "ingressRate": 8000000, "ingressBurst": 800000 } } }"""
            : "{}";

        PluginResult added = _s.Bandwidth.Add(container, Shaping.Config(keys, connected)).Check();

        Assert.Equal(Conf.Comparable(connected, container), Conf.Comparable(added, container));
        Assert.Empty(_s.State());
        _s.Bandwidth.Check(container, Shaping.Config(keys, added)).Check();
        _s.Bandwidth.Delete(container, Shaping.Config(keys, added)).Check();
    }

    [Theory]
    [InlineData("")]
    [InlineData("/run/netns/pb-no-such-namespace")]
    public void Delete_needs_neither_namespace_nor_result_nor_valid_keys(string netns)
    {
        TestNamespace container = Host.AddContainer();
        PluginResult connected = _s.Connect(container);
        PluginResult added = _s.Bandwidth.Add(container, Shaping.Config(Shaping.Limits, connected)).Check();

        _s.Bandwidth.Invoke("DEL", Shaping.Config("""{ "ingressRate": "fast", "prevResult": { "interfaces": 7 } }""", null), container.Name, netns, "eth0").Check();

        Assert.False(Host.HasLink(Shaping.Ifb(added)));
        _s.Bandwidth.Invoke("DEL", Shaping.Config("{}", null), container.Name, netns, "eth0").Check();
    }

    [Fact]
    public void Status_tries_what_the_kernel_has_and_leaves_nothing()
    {
        Snapshot before = Snapshot.Take(Host);

        _s.Bandwidth.Invoke("STATUS", Shaping.Config(Shaping.Limits, null, "1.1.0")).Check();
        _s.Bandwidth.Invoke("STATUS", Shaping.Config("""{ "egressRate": 1 }""", null, "1.1.0")).Failed(7, "egressBurst");

        before.AssertSame(Snapshot.Take(Host));
        Assert.Empty(_s.State());
    }
}
