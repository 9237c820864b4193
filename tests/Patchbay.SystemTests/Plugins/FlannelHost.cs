using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>A host with a subnet from flanneld: its file, the configurations that use it, and the attachments that are noted.</summary>
internal sealed class FlannelHost : IDisposable
{
    public const string Lease = """
        FLANNEL_NETWORK=10.244.0.0/16
        FLANNEL_SUBNET=10.244.7.1/24
        FLANNEL_MTU=1450
        FLANNEL_IPMASQ=true

        """;

    public const string DualLease = """
        FLANNEL_NETWORK=10.244.0.0/16
        FLANNEL_SUBNET=10.244.7.1/24
        FLANNEL_IPV6_NETWORK=fd00:244::/48
        FLANNEL_IPV6_SUBNET=fd00:244:0:7::1/64
        FLANNEL_MTU=1450
        FLANNEL_IPMASQ=true

        """;

    public FlannelHost(string lease = Lease)
    {
        Plugin.NeedsOurs("flannel", "bridge", "host-local");
        Host = TestHost.Create();
        Flannel = new Plugin(Host, "flannel");
        File.WriteAllText(SubnetFile, lease);
    }

    public TestHost Host { get; }

    public Plugin Flannel { get; }

    public string SubnetFile => Path.Combine(Host.Directory, "subnet.env");

    /// <summary>flannel's dataDir.</summary>
    public string States => Path.Combine(Host.DataDirectory, "flannel");

    /// <summary>host-local's dataDir.</summary>
    public string Addresses => Path.Combine(Host.DataDirectory, "ipam");

    public void Dispose() => Host.Dispose();

    /// <summary>flannel's configuration.</summary>
    /// <param name="keys">More keys as a JSON object; one that is null here is left out, "ipam" is added to.</param>
    /// <param name="version">cniVersion.</param>
    /// <param name="network">The network's name.</param>
    public string Config(string keys = "{}", string version = "1.0.0", string network = "net")
    {
        JsonObject config = JsonNode.Parse($$"""
            { "cniVersion": "{{version}}", "name": "{{network}}", "type": "flannel", "subnetFile": "{{SubnetFile}}", "dataDir": "{{States}}", "ipam": { "dataDir": "{{Addresses}}" } }
            """)!.AsObject();
        foreach ((string key, JsonNode? value) in JsonNode.Parse(keys)!.AsObject())
        {
            if (value is null)
                config.Remove(key);
            else if (key == "ipam" && value is JsonObject more)
                foreach ((string name, JsonNode? each) in more)
                    config["ipam"]![name] = each?.DeepClone();
            else
                config[key] = value.DeepClone();
        }

        return config.ToJsonString();
    }

    /// <summary>Names of the files that note attachments.</summary>
    public string[] Noted => Directory.Exists(States) ? [.. Directory.GetFiles(States).Select(Path.GetFileName).OfType<string>().Order(StringComparer.Ordinal)] : [];

    /// <summary>Addresses that host-local has given.</summary>
    public string[] Given(string network = "net") => Directory.Exists(Path.Combine(Addresses, network))
        ? [.. Directory.GetFiles(Path.Combine(Addresses, network)).Select(Path.GetFileName).OfType<string>().Where(name => char.IsAsciiHexDigit(name[0])).Order(StringComparer.Ordinal)]
        : [];
}
