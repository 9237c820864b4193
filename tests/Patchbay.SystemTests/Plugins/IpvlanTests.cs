using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>ipvlan: modes, and chains. What it shares with others is in <see cref="ChildLinkTests"/>.</summary>
public class IpvlanTests
{
    private const string Addresses = """
        { "cniVersion": "1.0.0", "interfaces": [{ "name": "up0" }], "dns": { "nameservers": ["192.0.2.53"] },
          "ips": [{ "address": "10.22.0.77/24", "gateway": "10.22.0.1", "interface": 0 }, { "address": "fd22::77/64" }], "routes": [{ "dst": "0.0.0.0/0" }] }
        """;

    [Theory]
    [InlineData("{}", "l2")]
    [InlineData("""{ "mode": "" }""", "l2")]
    [InlineData("""{ "mode": "l2" }""", "l2")]
    [InlineData("""{ "mode": "l3" }""", "l3")]
    [InlineData("""{ "mode": "l3s" }""", "l3s")]
    public void Mode_is_as_configured(string keys, string mode)
    {
        using Lan lan = new("ipvlan");
        string config = lan.Config(keys);

        PluginResult added = lan.Plugin.Add(lan.Container, config).Check();

        Assert.Equal(mode, lan.Data().Text("mode"));
        Assert.Equal(lan.Host.Link("up0").Text("address"), lan.Container.Link("eth0").Text("address"));
        lan.Plugin.Check(lan.Container, Conf.WithResult(config, added)).Check();
        string other = mode == "l3" ? "l2" : "l3";
        lan.Plugin.Check(lan.Container, Conf.WithResult(lan.Config($$"""{ "mode": "{{other}}" }"""), added)).Failed(999, "ipvlan mode");
    }

    [Fact]
    public void Containers_reach_one_another()
    {
        using Lan lan = new("ipvlan");
        TestNamespace second = lan.Host.AddContainer();
        lan.Plugin.Add(lan.Container, lan.Config()).Check();
        lan.Plugin.Add(second, lan.Config()).Check();

        second.Ping("10.22.0.2");
        second.Ping("fd22::2");
    }

    [Fact]
    public void Chained_without_ipam_it_takes_the_addresses_and_the_master_of_the_result_before()
    {
        using Lan lan = new("ipvlan");
        Snapshot before = Snapshot.Take(lan.Host);
        string config = Chained(lan, Addresses);

        PluginResult added = lan.Plugin.Add(lan.Container, config).Check();

        Assert.Equal(["10.22.0.77/24", "fd22::77/64"], lan.Container.Addresses("eth0"));
        Assert.Equal(["default via 10.22.0.1 dev eth0"], lan.Container.Routes());
        Assert.Equal("eth0", Assert.Single(added.Json.GetProperty("interfaces").EnumerateArray()).Text("name"));
        Assert.All(added.Json.GetProperty("ips").EnumerateArray(), ip => Assert.Equal(0, ip.GetProperty("interface").GetInt32()));
        lan.Container.Ping("10.22.0.1");
        // A runtime's CHECK and DEL bring the last result.
        lan.Plugin.Check(lan.Container, Conf.WithResult(config, added)).Check();
        lan.Plugin.Delete(lan.Container, Conf.WithResult(config, added)).Check();
        before.AssertSame(Snapshot.Take(lan.Host));
    }

    [Fact]
    public void Chained_with_ipam_it_takes_the_master_alone()
    {
        using Lan lan = new("ipvlan");
        JsonObject config = JsonNode.Parse(lan.Config("""{ "master": null }"""))!.AsObject();
        config["prevResult"] = JsonNode.Parse(Addresses);

        PluginResult added = lan.Plugin.Add(lan.Container, config.ToJsonString()).Check();

        Assert.Equal(["10.22.0.2/24", "fd22::2/64"], lan.Container.Addresses("eth0"));
        Assert.Equal(["10.22.0.2/24", "fd22::2/64"], added.ResultAddresses());
    }

    [Theory]
    [InlineData("""{ "cniVersion": "1.0.0", "interfaces": [], "ips": [{ "address": "10.22.0.77/24" }] }""", 7, "chained master failure. PrevResult lacks a single named interface (it has 0)")]
    [InlineData("""{ "cniVersion": "1.0.0", "interfaces": [{ "name": "up0" }, { "name": "up1" }], "ips": [{ "address": "10.22.0.77/24" }] }""", 7, "PrevResult lacks a single named interface (it has 2)")]
    [InlineData("""{ "cniVersion": "1.0.0", "interfaces": [{ "name": "" }], "ips": [{ "address": "10.22.0.77/24" }] }""", 7, "PrevResult lacks a single named interface")]
    [InlineData("""{ "cniVersion": "1.0.0", "interfaces": [{ "name": "up0" }] }""", 7, "no addresses for the ipvlan interface")]
    [InlineData("""{ "cniVersion": "1.0.0", "interfaces": [{ "name": "gone0" }], "ips": [{ "address": "10.22.0.77/24" }] }""", 999, "failed to lookup master \"gone0\"")]
    [InlineData("""{ "cniVersion": "1.0.0", "interfaces": [{ "name": "up0" }], "ips": [{ "address": "10.22.0.777/24" }] }""", 999, "10.22.0.777/24")]
    [InlineData("""{ "cniVersion": "0.4.0", "interfaces": [{ "name": "up0" }], "ips": [{ "address": "10.22.0.77/24" }] }""", 999, "0.4.0")]
    public void Result_before_that_cannot_be_used_is_refused(string previous, int code, string text)
    {
        using Lan lan = new("ipvlan", refusing: true);
        Snapshot before = Snapshot.Take(lan.Host);

        lan.Plugin.Add(lan.Container, Chained(lan, previous)).Failed(code, text);

        before.AssertSame(Snapshot.Take(lan.Host));
    }

    [Theory]
    [InlineData("""{ "mode": "l4" }""", 7, "unknown ipvlan mode: \"l4\"")]
    [InlineData("""{ "mode": 2 }""", 999, "\"mode\" must be a string, not 2")]
    [InlineData("""{ "ipam": null }""", 7, "no addresses for the ipvlan interface")]
    public void Wrong_keys_are_named(string keys, int code, string text)
    {
        using Lan lan = new("ipvlan", refusing: true);
        Snapshot before = Snapshot.Take(lan.Host);

        lan.Plugin.Add(lan.Container, lan.Config(keys)).Failed(code, text);

        before.AssertSame(Snapshot.Take(lan.Host));
    }

    private static string Chained(Lan lan, string previous)
    {
        JsonObject config = JsonNode.Parse(lan.Config("""{ "master": null, "ipam": null }"""))!.AsObject();
        config["prevResult"] = JsonNode.Parse(previous);
        return config.ToJsonString();
    }
}
