using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>The examples with bandwidth and flannel, run as a runtime runs a list.</summary>
public sealed class TrafficExampleTests : IDisposable
{
    private readonly FlannelHost _f = new();

    public TrafficExampleTests()
    {
        Plugin.NeedsOurs("bandwidth");
        Needs.Tbf();
        Needs.Ifb();
        Needs.Ingress();
    }

    public void Dispose() => _f.Dispose();

    [Theory]
    [InlineData("80-bandwidth.conflist", "10.90.0.2/16", "10.90.0.1", "cbr1")]
    [InlineData("81-flannel.conflist", "10.244.7.2/24", "10.244.7.1", "cni0")]
    public void Example_works(string file, string address, string gateway, string bridge)
    {
        TestNamespace container = _f.Host.AddContainer();
        Snapshot before = Snapshot.Take(_f.Host, except: bridge);
        JsonObject[] plugins = [.. Conf.OfList(_f.Host, Repository.PathOf($"examples/{file}")).Select(Here)];
        if (file.Contains("flannel", StringComparison.Ordinal))
            plugins[1]["runtimeConfig"] = JsonNode.Parse("""{ "bandwidth": { "ingressRate": 100000000, "ingressBurst": 4294967295, "egressRate": 50000000, "egressBurst": 4294967295 } }""");

        PluginResult first = Of(plugins[0]).Add(container, plugins[0].ToJsonString()).Check();
        PluginResult added = Of(plugins[1]).Add(container, Conf.WithResult(plugins[1].ToJsonString(), first)).Check();

        Assert.Equal(address, added.ResultAddresses()[0]);
        container.Ping(gateway);
        Assert.Equal(
            ["12500000", "6250000"],
            _f.Host.TcJson("qdisc show").EnumerateArray().Where(q => q.Text("kind") == "tbf").Select(q => q.GetProperty("options").Text("rate")).Order(StringComparer.Ordinal));
        foreach (JsonObject plugin in plugins)
        {
            Of(plugin).Check(container, Conf.WithResult(plugin.ToJsonString(), added)).Check();
            Of(plugin).Invoke("STATUS", plugin.ToJsonString()).Check();
        }

        for (int time = 0; time < 2; time++)
        {
            foreach (JsonObject plugin in Enumerable.Reverse(plugins))
                Of(plugin).Delete(container, Conf.WithResult(plugin.ToJsonString(), added)).Check();
            before.AssertSame(Snapshot.Take(_f.Host, except: bridge));
        }

        Plugin Of(JsonObject plugin) => new(_f.Host, plugin["type"]!.GetValue<string>());
    }

    // The directories of the example are the machine's.
    private JsonObject Here(string config)
    {
        JsonObject plugin = JsonNode.Parse(config)!.AsObject();
        if (plugin["type"]!.GetValue<string>() == "flannel")
        {
            plugin["subnetFile"] = _f.SubnetFile;
            plugin["dataDir"] = _f.States;
            plugin["ipam"] = new JsonObject { ["dataDir"] = _f.Addresses };
        }

        return plugin;
    }
}
