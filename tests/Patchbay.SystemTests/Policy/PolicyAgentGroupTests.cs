using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>Security groups from the Cloud Controller's answer to packets that are let out, and those that are not.</summary>
public class PolicyAgentGroupTests
{
    private static readonly string[] Ports = ["tcp/80", "tcp/443", "tcp/8000", "udp/53"];

    [Fact]
    public void Containers_reach_what_the_groups_of_their_space_allow()
    {
        using AgentHost host = AgentHost.Create();
        host.Server.Configuration["asg_poll_interval"] = 0.1;
        using var cloudFoundry = new CloudFoundryStub(host.Server);
        CloudFoundryStub.Configure(host.Server.Configuration);
        cloudFoundry.State["security_groups"] = new JsonArray(
            Group("g1", running: true, [], ("udp", "192.0.2.0/24", "53")),
            Group("g2", running: false, ["s1"], ("tcp", "192.0.2.1-192.0.2.9", "80,8000-8010")));
        cloudFoundry.Save();
        host.Server.Start();
        WaitForGroups(host, "0");

        // A machine outside, and what the CNI wrapper does towards it: look the container's groups up, reject the rest.
        host.AddContainer("outside", "", "192.0.2.1");
        host.Forget("outside");
        host.Serve("outside", Ports);
        host.AddContainer("h-1", "a", space: "s1");
        host.AddContainer("h-2", "b", space: "s1");
        host.AddContainer("h-3", "c", space: "s3");
        host.Configuration["enable_asg_syncing"] = true;
        host.StartAgent();
        host.Poll().Is(200);
        host.Host.Run(["nft", "-f", "-"], "add rule ip cf_networking forward oifname v0 ip saddr vmap @security_groups\nadd rule ip cf_networking forward oifname v0 reject\n").Check();

        string[] cells = [.. Ports.Select(each => $"outside:{each}")];
        Assert.Equal(["outside:tcp/80", "outside:tcp/8000", "outside:udp/53"], host.Reached("h-1", cells));
        Assert.Equal(["outside:udp/53"], host.Reached("h-3", cells));
        Assert.Equal(2, Chains(host)); // h-1 and h-2 have one together

        // One more container, its groups at once; then other groups.
        host.AddContainer("h-4", "d", space: "s1");
        Assert.Equal("updated container h-4", host.Local("/force-asgs-for-container?container=h-4").Is(200).Body);
        Assert.Equal(["outside:tcp/80", "outside:tcp/8000", "outside:udp/53"], host.Reached("h-4", cells));
        string state = LastUpdated(host);
        cloudFoundry.State["security_groups"] = new JsonArray(Group("g2", running: false, ["s1"], ("all", "192.0.2.1", "")));
        cloudFoundry.Save();
        WaitForGroups(host, state);
        Assert.Equal(200, host.Local("/force-orphaned-asgs-cleanup?container=h-1").Status);
        Assert.Equal([.. cells.Order(StringComparer.Ordinal)], host.Reached("h-4", cells));
        Assert.Empty(host.Reached("h-3", cells));
        Assert.Equal(1, Chains(host));

        // What the wrapper put in for a container of no space is the wrapper's.
        host.Host.Run(["nft", "-f", "-"], "add chain ip cf_networking asg-0123456789abcdef0123\nadd element ip cf_networking security_groups { 10.255.1.99 : jump asg-0123456789abcdef0123 }\n").Check();
        host.Poll().Is(200);
        Assert.Contains("10.255.1.99 : jump asg-0123456789abcdef0123", host.Ruleset(), StringComparison.Ordinal);
    }

    private static int Chains(AgentHost host) => host.Ruleset().Split("chain agent-groups-").Length - 1;

    private static string LastUpdated(AgentHost host) => host.Server.Internal("GET", "v1/internal/security_groups_last_updated").Is(200).Body;

    private static void WaitForGroups(AgentHost host, string known) =>
        host.Server.Internal("GET", "v1/internal/security_groups_last_updated", null, "-H", $"If-None-Match: \"{known}\"", "-H", "Prefer: wait=50").Is(200);

    private static JsonObject Group(string guid, bool running, string[] spaces, (string Protocol, string Destination, string Ports) rule)
    {
        var rules = new JsonObject { ["protocol"] = rule.Protocol, ["destination"] = rule.Destination };
        if (rule.Ports.Length > 0)
            rules["ports"] = rule.Ports;
        JsonNode Spaces() => new JsonObject { ["data"] = new JsonArray([.. spaces.Select(each => new JsonObject { ["guid"] = each })]) };
        return new JsonObject
        {
            ["guid"] = guid,
            ["name"] = guid,
            ["rules"] = new JsonArray(rules),
            ["globally_enabled"] = new JsonObject { ["running"] = running, ["staging"] = false },
            ["relationships"] = new JsonObject { ["running_spaces"] = Spaces(), ["staging_spaces"] = Spaces() },
        };
    }
}
