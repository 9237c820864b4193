using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>A result of the plugins before that tells of another container: whoever believes it opens a way to somebody else.</summary>
public class PreviousResultTests
{
    private const string Ports = """{ "backend": "nftables", "runtimeConfig": { "portMappings": [{ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" }] } }""";

    private const string Nftables = """{ "backend": "nftables" }""";

    // plugin, its keys, and what CHECK says: bandwidth asks as those do that make interfaces
    public static TheoryData<string, string, int> Chained { get; } = new()
    {
        { "bandwidth", """{ "ingressRate": 8000000, "ingressBurst": 800000 }""", 999 },
        { "bandwidth", "{}", 0 },
        { "firewall", Nftables, 7 },
        { "loopback", "{}", 7 },
        { "portmap", Ports, 7 },
        { "portmap", Nftables, 7 },
        { "sbr", "{}", 7 },
        { "tuning", """{ "sysctl": { "net.core.somaxconn": "321" } }""", 7 },
        { "vrf", """{ "vrfname": "blue" }""", 7 },
    };

    [Theory]
    [MemberData(nameof(Chained))]
    public void Result_of_another_namespace_is_refused(string type, string keys, int check)
    {
        using var chain = new Attached(type);
        TestNamespace other = chain.Host.AddContainer();
        foreach (string elsewhere in (string[])[chain.Container.Path, "/run/netns/pb-nowhere"])
        {
            string config = Of(chain, elsewhere, keys), told = $"prevResult has interface \"eth0\" in sandbox \"{elsewhere}\", which is not CNI_NETNS \"{other.Path}\"";
            Snapshot before = Snapshot.Take(chain.Host);

            chain.Ours.Add(other, config).Failed(7, told);
            if (check == 7)
                chain.Ours.Check(other, config).Failed(7, told);
            else if (check == 999)
                chain.Ours.Check(other, config).Failed(999, $"Sandbox in prevResult {elsewhere} doesn't match configured netns: {other.Path}");

            before.AssertSame(Snapshot.Take(chain.Host));
        }
    }

    [Theory]
    [MemberData(nameof(Chained))]
    public void Call_for_a_namespace_that_is_not_there_is_the_calls_fault(string type, string keys, int check)
    {
        using var chain = new Attached(type);
        foreach (string command in check == 0 ? (string[])["ADD"] : ["ADD", "CHECK"])
            chain.Ours.Invoke(command, chain.Config(keys), "c", "/run/netns/pb-nowhere", "eth0").Failed(8, "failed to open netns \"/run/netns/pb-nowhere\"");
    }

    [Theory]
    [InlineData("bandwidth", "{}")]
    [InlineData("firewall", Nftables)]
    [InlineData("loopback", "{}")]
    [InlineData("portmap", Ports)]
    public void The_namespace_counts_and_not_its_path(string type, string keys)
    {
        using var chain = new Attached(type);
        string link = Path.Combine(chain.Host.Directory, "another-name");
        File.CreateSymbolicLink(link, chain.Container.Path);
        string config = Of(chain, link, keys);

        chain.Add(config).Check();
        chain.Check(config).Check();
        new Plugin(chain.Host, "bridge").Check(chain.Container, Conf.WithResult(chain.BridgeConfig, chain.Result).Replace(chain.Container.Path, link, StringComparison.Ordinal)).Check();
        chain.Delete(config).Check();
    }

    [Theory]
    [InlineData("firewall", Nftables)]
    [InlineData("portmap", Ports)]
    public void A_namespace_that_cannot_be_opened_is_its_own(string type, string keys)
    {
        const string Gone = "/run/netns/pb-gone";
        using var chain = new Attached(type);
        string config = Of(chain, Gone, keys);

        foreach (string command in (string[])["ADD", "CHECK", "DEL"])
            chain.Ours.Invoke(command, config, chain.Container.Name, Gone, "eth0").Check();
    }

    [Theory]
    [InlineData("firewall", Nftables)]
    [InlineData("loopback", "{}")]
    [InlineData("portmap", Ports)]
    public void Delete_believes_any_result(string type, string keys)
    {
        using var chain = new Attached(type);
        chain.Add(chain.Config(keys)).Check(); // tables and chains stay
        chain.Delete(chain.Config(keys)).Check();
        Snapshot before = Snapshot.Take(chain.Host);
        chain.Add(chain.Config(keys)).Check();

        chain.Delete(Of(chain, "/run/netns/pb-nowhere", keys)).Check();

        before.AssertSame(Snapshot.Take(chain.Host));
    }

    [Theory]
    [InlineData("firewall", Nftables)]
    [InlineData("portmap", Ports)]
    public void Addresses_of_an_interface_of_that_name_elsewhere_are_not_ours(string type, string keys)
    {
        using var chain = new Attached(type);
        TestNamespace other = chain.Host.AddContainer();
        JsonObject config = JsonNode.Parse(chain.Config(keys))!.AsObject();
        JsonObject result = config["prevResult"]!.AsObject();
        result["interfaces"]!.AsArray().Add(new JsonObject { ["name"] = "eth0", ["sandbox"] = other.Path });
        result["ips"]!.AsArray().Insert(0, new JsonObject { ["address"] = "10.9.9.9/24", ["interface"] = result["interfaces"]!.AsArray().Count - 1 });

        chain.Add(config.ToJsonString()).Check();

        string rules = chain.Host.Run("nft", "list", "ruleset").Check().StandardOutput;
        Assert.Contains("10.22.0.2", rules, StringComparison.Ordinal);
        Assert.DoesNotContain("10.9.9.9", rules, StringComparison.Ordinal);
        chain.Check(config.ToJsonString()).Check();
    }

    [Theory]
    [InlineData("bridge")]
    [InlineData("ptp")]
    public void Check_of_an_interface_needs_its_result(string type)
    {
        Plugin.NeedsOurs(type, "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer(), other = host.AddContainer();
        Plugin plugin = new(host, type);
        string config = Conf.Make(host, type, """{ "isGateway": true }""");
        string with = Conf.WithResult(config, plugin.Add(container, config).Check());
        Snapshot before = Snapshot.Take(host);

        plugin.Check(container, config).Failed(999, "Required prevResult missing");
        plugin.Check(container, with.Replace(container.Path, other.Path, StringComparison.Ordinal)).Failed(999, $"Sandbox in prevResult {other.Path} doesn't match configured netns: {container.Path}");
        plugin.Check(container, with.Replace("\"eth0\"", "\"eth7\"", StringComparison.Ordinal)).Failed(999, "prevResult has no interface \"eth0\"");
        JsonObject empty = JsonNode.Parse(with)!.AsObject();
        empty["prevResult"]!["interfaces"] = new JsonArray();
        foreach (JsonNode? ip in empty["prevResult"]!["ips"]!.AsArray())
            ip!.AsObject().Remove("interface");
        plugin.Check(container, empty.ToJsonString()).Failed(999, "prevResult has no interface \"eth0\"");

        before.AssertSame(Snapshot.Take(host));
        plugin.Check(container, with).Check();
    }

    // What the bridge answered, as if it had been about another sandbox.
    private static string Of(Attached chain, string sandbox, string keys) => chain.Config(keys).Replace(chain.Container.Path, sandbox, StringComparison.Ordinal);
}
