using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>bandwidth: whose an ifb is. Several attachments of one container, the reference's beside ours, and GC.</summary>
public sealed class BandwidthAttachmentTests : IDisposable
{
    private readonly Shaping _s = new();

    private TestHost Host => _s.Host;

    public void Dispose() => _s.Dispose();

    [Fact]
    public void Two_interfaces_of_a_container_are_limited_each_by_its_own()
    {
        TestNamespace container = Host.AddContainer();
        PluginResult eth0 = _s.Connect(container), eth1 = _s.Connect(container, "eth1");

        PluginResult first = _s.Bandwidth.Add(container, Shaping.Config(Shaping.Limits, eth0)).Check();
        string[] one = _s.State();
        PluginResult second = _s.Bandwidth.Add(container, Shaping.Config(Shaping.Limits, eth1), "eth1").Check();

        Assert.NotEqual(Shaping.Ifb(first), Shaping.Ifb(second));
        _s.Bandwidth.Check(container, Shaping.Config(Shaping.Limits, first)).Check();
        _s.Bandwidth.Check(container, Shaping.Config(Shaping.Limits, second), "eth1").Check();
        for (int time = 0; time < 2; time++)
        {
            _s.Bandwidth.Delete(container, Shaping.Config(Shaping.Limits, null), "eth1").Check();
            Assert.Equal(one, _s.State());
        }

        _s.Bandwidth.Check(container, Shaping.Config(Shaping.Limits, first)).Check();
        _s.Bandwidth.Delete(container, Shaping.Config(Shaping.Limits, first)).Check();
        Assert.Empty(_s.State());
    }

    [Fact]
    public void The_first_may_go_before_the_second()
    {
        TestNamespace container = Host.AddContainer();
        PluginResult eth0 = _s.Connect(container), eth1 = _s.Connect(container, "eth1");
        PluginResult first = _s.Bandwidth.Add(container, Shaping.Config(Shaping.Limits, eth0)).Check();
        PluginResult second = _s.Bandwidth.Add(container, Shaping.Config(Shaping.Limits, eth1), "eth1").Check();

        // Neither namespace nor result: the alias alone tells.
        _s.Bandwidth.Invoke("DEL", Shaping.Config(Shaping.Limits, null), container.Name, "", "eth0").Check();

        Assert.False(Host.HasLink(Shaping.Ifb(first)));
        _s.Bandwidth.Check(container, Shaping.Config(Shaping.Limits, second), "eth1").Check();
        // The name of network and container is free: a third takes it.
        PluginResult third = _s.Bandwidth.Add(container, Shaping.Config(Shaping.Limits, eth0)).Check();
        Assert.Equal(Shaping.Ifb(first), Shaping.Ifb(third));
    }

    [Fact]
    public void The_reference_has_one_name_for_both()
    {
        TestNamespace container = Host.AddContainer();
        PluginResult eth0 = _s.Connect(container), eth1 = _s.Connect(container, "eth1");
        Plugin reference = ReferencePlugins.Plugin(Host, "bandwidth");
        PluginResult theirs = reference.Add(container, Shaping.Config(Shaping.Limits, eth0)).Check();
        reference.Add(container, Shaping.Config(Shaping.Limits, eth1), "eth1").CheckError(999);
        _s.Disconnect(container, "eth1");
        eth1 = _s.Connect(container, "eth1");

        // Ours gets along with theirs, and sees to it that a DEL never takes the one for the other.
        PluginResult ours = _s.Bandwidth.Add(container, Shaping.Config(Shaping.Limits, eth1), "eth1").Check();

        Assert.NotEqual(Shaping.Ifb(theirs), Shaping.Ifb(ours));
        Assert.EndsWith($"if: eth0, id: {container.Name}", Host.Link(Shaping.Ifb(theirs)).Text("ifalias"), StringComparison.Ordinal);
        for (int time = 0; time < 2; time++)
            _s.Bandwidth.Invoke("DEL", Shaping.Config(Shaping.Limits, null), container.Name, "", "eth1").Check();
        Assert.False(Host.HasLink(Shaping.Ifb(ours)));
        // Nor does the DEL of an interface whose result tells of no ifb.
        Host.Run("ip", "link", "set", Shaping.Ifb(theirs), "alias", "").Check();
        _s.Bandwidth.Invoke("DEL", Shaping.Config("""{ "ingressRate": 8000000, "ingressBurst": 800000 }""", eth1), container.Name, "", "eth1").Check();
        reference.Check(container, Shaping.Config(Shaping.Limits, theirs)).Check();
        _s.Bandwidth.Check(container, Shaping.Config(Shaping.Limits, theirs)).Check();
        _s.Bandwidth.Invoke("DEL", Shaping.Config(Shaping.Limits, null), container.Name, "", "eth0").Check();
        Assert.False(Host.HasLink(Shaping.Ifb(theirs)));
    }

    [Theory]
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    public void What_one_side_added_the_other_deletes(string version)
    {
        TestNamespace container = Host.AddContainer();
        PluginResult connected = _s.Connect(container, version: version);
        Plugin reference = ReferencePlugins.Plugin(Host, "bandwidth");
        foreach ((Plugin adds, Plugin deletes) in new[] { (_s.Bandwidth, reference), (reference, _s.Bandwidth) })
        {
            string[] without = [.. Host.IpJson("link show").EnumerateArray().Select(link => link.Text("ifname"))];
            PluginResult added = adds.Add(container, Shaping.Config(Shaping.Limits, connected, version)).Check();
            if (version != "0.3.1")
                deletes.Check(container, Shaping.Config(Shaping.Limits, added, version)).Check();
            string config = Shaping.Config(Shaping.Limits, version == "0.3.1" ? null : added, version);

            deletes.Delete(container, config).Check();

            Assert.Equal(without, Host.IpJson("link show").EnumerateArray().Select(link => link.Text("ifname")));
            adds.Delete(container, config).Check();
            _s.Bandwidth.Delete(container, config).Check();
        }

        Assert.DoesNotContain(_s.State(), line => line.Contains("tbf", StringComparison.Ordinal));
    }

    [Fact]
    public void A_whole_chain_of_either_side()
    {
        TestNamespace container = Host.AddContainer();
        Snapshot before = Snapshot.Take(Host, except: "cni0");
        Plugin[] ours = [_s.Bridge, _s.Bandwidth];
        Plugin[] theirs = [ReferencePlugins.Plugin(Host, "bridge"), ReferencePlugins.Plugin(Host, "bandwidth")];
        string bridge = Conf.Bridge(Host, ranges: Conf.IPv4);
        foreach ((Plugin[] add, Plugin[] other) in new[] { (ours, theirs), (theirs, ours) })
        {
            PluginResult connected = add[0].Add(container, bridge).Check();
            PluginResult added = add[1].Add(container, Shaping.Config(Shaping.Limits, connected)).Check();
            other[0].Check(container, Conf.WithResult(bridge, added)).Check();
            other[1].Check(container, Shaping.Config(Shaping.Limits, added)).Check();
            other[1].Delete(container, Shaping.Config(Shaping.Limits, added)).Check();
            other[0].Delete(container, Conf.WithResult(bridge, added)).Check();
            before.AssertSame(Snapshot.Take(Host, except: "cni0"));
        }
    }

    [Fact]
    public void Collection_takes_the_ifbs_of_attachments_that_are_gone()
    {
        TestNamespace a = Host.AddContainer(), b = Host.AddContainer(), c = Host.AddContainer();
        string ifbA = Add(a, "eth0"), ifbB = Add(b, "eth0"), ifbB1 = Add(b, "eth1"), other = Add(c, "eth0", "net2");
        Plugin reference = ReferencePlugins.Plugin(Host, "bandwidth");
        string unmarked = Shaping.Ifb(reference.Add(a, Shaping.Config(Shaping.Limits, _s.Connect(a, "eth7"), network: "net3"), "eth7").Check());
        string[] all = [ifbA, ifbB, ifbB1, other, unmarked];

        Collect(null);
        Assert.All(all, ifb => Assert.True(Host.HasLink(ifb)));
        Collect([(a.Name, "eth0"), (b.Name, "eth1"), (b.Name, "eth0"), (c.Name, "eth0")]);
        Assert.All(all, ifb => Assert.True(Host.HasLink(ifb)));
        Collect([(a.Name, "eth0"), (b.Name, "eth1")]);
        Assert.Equal([true, false, true, true, true], all.Select(Host.HasLink));
        Collect([]);
        Assert.Equal([false, false, false, true, true], all.Select(Host.HasLink));
        Collect([]);

        string Add(TestNamespace container, string ifName, string network = "net") => Shaping.Ifb(_s.Bandwidth.Add(
            container, Shaping.Config(Shaping.Limits, _s.Connect(container, ifName), network: network), ifName).Check());

        void Collect((string Id, string IfName)[]? valid)
        {
            JsonObject config = JsonNode.Parse(Shaping.Config(Shaping.Limits, null, "1.1.0"))!.AsObject();
            if (valid is not null)
                config["cni.dev/valid-attachments"] = new JsonArray([.. valid.Select(v => new JsonObject { ["containerID"] = v.Id, ["ifname"] = v.IfName })]);
            _s.Bandwidth.Invoke("GC", config.ToJsonString()).Check();
        }
    }
}
