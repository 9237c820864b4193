using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>The agent and the CNI wrapper in one table: whoever comes first, and whoever goes.</summary>
public class PolicyAgentWrapperTests
{
    private static readonly string[] Cells = ["b:tcp/80", "b:tcp/81"];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Both_make_one_table(bool agentFirst)
    {
        Plugin.NeedsOurs("cni-wrapper-plugin", "ptp", "host-local");
        using AgentHost host = AgentHost.Create();
        host.Host.Run("ip", "link", "add", "under0", "type", "veth", "peer", "name", "under1").Check();
        host.Host.Run("ip", "addr", "add", "192.0.2.10/24", "dev", "under0").Check();
        host.Host.Run("ip", "link", "set", "under0", "up").Check();
        host.Host.Run("ip", "link", "set", "under1", "up").Check();
        var wrapper = new Plugin(host.Host, "cni-wrapper-plugin");
        var containers = new Dictionary<string, TestNamespace>();

        host.Server.Start();
        host.Allow("app-a app-b tcp 80");
        if (agentFirst)
        {
            host.StartAgent();
            host.Poll().Is(200);
        }

        foreach (string name in (string[])["a", "b"])
        {
            containers[name] = host.Host.AddContainer();
            JsonNode result = JsonNode.Parse(wrapper.Add(containers[name], Configuration(host, name, asks: agentFirst), containerId: name).Check().StandardOutput)!;
            host.Adopt(name, containers[name], result["ips"]![0]!["address"]!.GetValue<string>().Split('/')[0]);
            host.Serve(name, "tcp/80", "tcp/81");
        }

        if (!agentFirst)
        {
            Assert.Empty(host.Reached("a", Cells));
            host.StartAgent();
            host.Poll().Is(200);
        }

        Assert.Equal(["b:tcp/80"], host.Reached("a", Cells));
        Assert.Empty(host.Reached("b", "a:tcp/80"));
        Assert.Equal(
            ["cf: source tags", "cf: replies", "cf: policies", "cf: towards the underlay", "cf: to containers", "policy agent: isolation"],
            host.Host.NftJson("list chain ip cf_networking forward").EnumerateArray().Where(each => each.TryGetProperty("rule", out _)).Select(each => each.GetProperty("rule").GetProperty("comment").GetString()));

        // The agent's part goes with the container, the wrapper's too, and nothing of the other one's.
        wrapper.Delete(containers["b"], Configuration(host, "b", asks: true), containerId: "b").Check();
        host.Poll().Is(200);
        Assert.Empty(host.Elements("agent-allowed"));
        Assert.Single(host.Elements("agent-isolated"));
        Assert.Single(host.Elements("containers"));
        wrapper.Delete(containers["a"], Configuration(host, "a", asks: true), containerId: "a").Check();
        host.Poll().Is(200);
        Assert.DoesNotContain("elements =", host.Host.Run("nft", "list", "table", "ip", "cf_networking").Check().StandardOutput, StringComparison.Ordinal);
        Assert.DoesNotContain("chain agent-denied", host.Ruleset(), StringComparison.Ordinal);
    }

    private static string Configuration(AgentHost host, string name, bool asks) => new JsonObject
    {
        ["cniVersion"] = "1.0.0",
        ["name"] = "cf",
        ["type"] = "cni-wrapper-plugin",
        ["datastore"] = host.Datastore,
        ["instance_address"] = "192.0.2.10",
        ["underlay_ips"] = new JsonArray("192.0.2.10"),
        ["no_masquerade_cidr_range"] = "10.255.0.0/16",
        ["ingress_tag"] = "ffff0000",
        ["vtep_name"] = "silk-vtep",
        ["iptables_denied_logs_per_sec"] = 1,
        ["iptables_accepted_udp_logs_per_sec"] = 100,
        ["policy_agent_force_poll_address"] = asks ? "127.0.0.1:8722" : "",
        ["metadata"] = new JsonObject { ["policy_group_id"] = $"app-{name}", ["space_id"] = "space" },
        ["delegate"] = new JsonObject
        {
            ["type"] = "ptp",
            ["ipam"] = new JsonObject
            {
                ["type"] = "host-local",
                ["dataDir"] = host.Host.DataDirectory,
                ["subnet"] = "10.255.30.0/24",
                ["routes"] = new JsonArray(new JsonObject { ["dst"] = "0.0.0.0/0" }),
            },
        },
    }.ToJsonString();
}
