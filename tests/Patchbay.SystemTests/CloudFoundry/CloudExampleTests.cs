using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.CloudFoundry;

/// <summary>The examples, with this host's directories in them.</summary>
public sealed class CloudExampleTests : IDisposable
{
    private readonly CloudHost _cloud = new();

    public void Dispose() => _cloud.Dispose();

    [Theory]
    [InlineData("networker.json", "30-cni-wrapper-plugin.conflist")]
    [InlineData("networker-2016.json", "30-cni-wrapper-plugin.conflist")]
    public void A_container_goes_up_and_down(string networker, string network)
    {
        Needs.Ingress();
        Needs.Ifb();
        Needs.Tbf();
        string text = File.ReadAllText(Example(network)).Replace("/var/lib/cni/cloudfoundry", _cloud.Host.DataDirectory, StringComparison.Ordinal)
            .Replace("\"type\": \"host-local\",", $"\"type\": \"host-local\", \"dataDir\": \"{_cloud.Host.DataDirectory}/ipam\",", StringComparison.Ordinal);
        _cloud.Network(network, text);
        JsonObject config = JsonNode.Parse(File.ReadAllText(Example(networker)))!.AsObject();
        config["cni_plugin_dir"] = Plugin.OursDirectory;
        config["cni_config_dir"] = _cloud.Host.ConfigDirectory;
        config["bind_mount_dir"] = _cloud.Mounts;
        config["state_file"] = _cloud.StateFile;
        config["iptables_lock_file"] = $"{_cloud.Host.Directory}/lock";
        config["cni_cache_dir"] = _cloud.Host.CacheDirectory;
        TestNamespace web = _cloud.Host.AddContainer();
        CommandResult up = _cloud.Up(web, today: networker == "networker.json", config: config.ToJsonString()).Check();
        Assert.StartsWith("10.255.30.", up.Json.GetProperty("properties").GetProperty("garden.network.container-ip").GetString(), StringComparison.Ordinal);
        _cloud.Networker("down", web.Name, today: networker == "networker.json", keys: config.ToJsonString()).Check();
        Assert.False(web.HasLink("eth0"));
    }

    private static string Example(string name) => Path.Combine(Repository.Root, "examples/cloudfoundry", name);
}
