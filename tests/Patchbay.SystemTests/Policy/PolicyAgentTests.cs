using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>Policies between containers of one host: every cell of a matrix is tried by a real connection.</summary>
public partial class PolicyAgentTests
{
    private static readonly string[] Ports = ["tcp/80", "tcp/81", "tcp/82", "tcp/999", "tcp/1000", "tcp/1500", "tcp/2000", "tcp/2001", "tcp/3000", "tcp/3001", "udp/80", "udp/999", "udp/1000", "udp/1500", "udp/2000", "udp/2001"];

    [Fact]
    public void What_policies_allow_passes_and_nothing_else()
    {
        using AgentHost host = Apart("a", "b", "c");
        string[] policies = ["a b tcp 80", "a b tcp 82", "a c udp 1000-2000", "b c tcp 1000-2000", "b c tcp 1500-3000", "c a tcp 80-82", "c a udp 80", "b b tcp 80", "a nobody tcp 80", "nobody a tcp 81"];
        host.Server.Start();
        host.Allow(policies);
        host.StartAgent();
        host.Poll().Is(200);
        AssertMatrix(host, policies);
        AssertSets(host, single: 2 + 3 + 1 + 1 + 1, ranges: 1 + 1);

        // One is revoked, one is cut short, one is new.
        host.Revoke("a b tcp 80", "b c tcp 1500-3000");
        host.Allow("c b udp 1500");
        host.Poll().Is(200);
        AssertMatrix(host, [.. policies.Except(["a b tcp 80", "b c tcp 1500-3000"]), "c b udp 1500"]);
        AssertSets(host, single: 8, ranges: 2);

        host.Revoke([.. policies, "c b udp 1500"]);
        host.Poll().Is(200);
        AssertMatrix(host, []);
        AssertSets(host, single: 0, ranges: 0);
        Assert.Empty(host.Elements("source_tags"));
    }

    [Fact]
    public void A_change_is_one_transaction_with_the_difference()
    {
        using AgentHost host = Apart("a", "b", "c");
        host.Server.Start();
        host.Allow("a b tcp 80", "b c tcp 1000-2000");
        host.StartAgent();
        host.Poll().Is(200);

        string before = host.Ruleset();
        Assert.Equal([], Watched(host, () => host.Poll().Is(200)));
        Assert.Equal(before, host.Ruleset());
        Assert.Equal(["add element ip cf_networking agent-allowed"], Watched(host, () =>
        {
            host.Allow("a b tcp 81");
            host.Poll().Is(200);
        }));
        Assert.Equal(["add element ip cf_networking agent-isolated"], Watched(host, () =>
        {
            host.WriteDown("d", "d", "10.255.1.9");
            host.Poll().Is(200);
        }));
        Assert.Equal(["delete element ip cf_networking agent-isolated"], Watched(host, () =>
        {
            host.Forget("d");
            host.Poll().Is(200);
        }));

        // nft monitor of Debian 12 ends by a signal when it sees ranges of concatenations, so for those the states are compared.
        before = host.Ruleset();
        host.Allow("b c tcp 2001-2100");
        host.Poll().Is(200);
        Assert.Equal(Sorted(before.Replace("1000-2000", "1000-2100", StringComparison.Ordinal)), Sorted(host.Ruleset()));
    }

    [Fact]
    public void Rules_of_others_stay_and_ours_come_back()
    {
        using AgentHost host = Apart("a", "b");
        host.Host.Run(["nft", "-f", "-"], "table inet theirs { set s { type ipv4_addr; elements = { 10.255.1.2 }; }; chain forward { type filter hook forward priority -10; policy accept; ip saddr @s counter accept; }; }").Check();
        host.Host.Run(["iptables-restore"], "*filter\n:FORWARD ACCEPT\n-A FORWARD -d 10.255.1.99/32 -j DROP\nCOMMIT\n").Check();
        string[] theirs = [.. host.Ruleset().Split('\n').Where(each => !each.Contains("counter", StringComparison.Ordinal))];
        host.Server.Start();
        host.Allow("a b tcp 80");
        host.StartAgent();
        host.Poll().Is(200);
        Assert.Empty(theirs.Except(host.Ruleset().Split('\n')));
        Assert.Equal(["b:tcp/80"], host.Reached("a", "b:tcp/80", "b:tcp/81"));

        // What the agent did not make in its chain stays, what it made comes back.
        string whole = host.Ruleset();
        host.Host.Run("nft", "flush", "chain", "ip", "cf_networking", "policies").Check();
        host.Host.Run("nft", "delete", "element", "ip", "cf_networking", "agent-isolated", "{ 10.255.1.3 }").Check();
        host.Host.Run("nft", "flush", "set", "ip", "cf_networking", "agent-allowed").Check();
        host.Host.Run("nft", "add", "element", "ip", "cf_networking", "agent-allowed", "{ 0x1 . 10.255.1.3 . tcp . 81 }").Check();
        host.Poll().Is(200);
        Assert.Equal(Sorted(whole), Sorted(host.Ruleset()));
        host.Host.Run("nft", "insert", "rule", "ip", "cf_networking", "forward", "ip", "daddr", "10.255.1.77", "drop").Check();
        host.Host.Run("nft", "delete", "table", "inet", "theirs").Check();
        host.Poll().Is(200);
        Assert.Contains("ip daddr 10.255.1.77 drop", host.Ruleset(), StringComparison.Ordinal);
        host.Host.Run("nft", "delete", "table", "ip", "cf_networking").Check();
        host.Poll().Is(200);
        Assert.Equal(["b:tcp/80"], host.Reached("a", "b:tcp/80", "b:tcp/81"));
    }

    [Fact]
    public void Show_and_explain_tell_what_is_enforced()
    {
        using AgentHost host = Apart("a", "b");
        CommandResult Run(params string[] arguments) => host.Host.Run([PolicyHost.Executable, "policy", .. arguments, "--datastore", host.Datastore]);
        Assert.Contains("no policy is enforced", Run("show").Check().StandardOutput, StringComparison.Ordinal);
        host.Server.Start();
        host.Allow("a b tcp 80", "a b udp 1000-2000");
        host.StartAgent();
        host.Poll().Is(200);

        JsonElement shown = Run("show", "--json").Check().Json;
        Assert.True(shown.GetProperty("enforced").GetBoolean());
        Assert.Equal(["h-a a 0x0001", "h-b b "], shown.GetProperty("containers").EnumerateArray().Select(each => $"{each.GetProperty("handle")} {each.GetProperty("app")} {each.GetProperty("tag")}"));
        Assert.Equal(["0001 a b tcp 80 80", "0001 a b udp 1000 2000"], shown.GetProperty("permissions").EnumerateArray().Select(each =>
            $"{each.GetProperty("tag")} {each.GetProperty("source")} {each.GetProperty("destination")} {each.GetProperty("protocol")} {each.GetProperty("first_port")} {each.GetProperty("last_port")}"));
        Assert.Contains("10.255.1.3  b  ", Run("show").Check().StandardOutput, StringComparison.Ordinal);

        Assert.Equal((0, "accepted"), Explained(Run("explain", "a", "b", "80")));
        Assert.Equal((0, "accepted"), Explained(Run("explain", "h-a", "10.255.1.3", "udp/1500")));
        Assert.Equal((2, "rejected"), Explained(Run("explain", "a", "b", "udp/2001")));
        Assert.Equal((2, "rejected"), Explained(Run("explain", "b", "a", "80")));
        Assert.Equal((2, "rejected"), Explained(Run("explain", "192.0.2.1", "b", "80")));
        Assert.Contains("only with the mark 0x0001 (app a)", Run("explain", "192.0.2.1", "b", "80").StandardOutput, StringComparison.Ordinal);
        Assert.Contains("another host's agent", Run("explain", "a", "10.255.9.9", "80").Check().StandardOutput, StringComparison.Ordinal);
        Assert.Contains("\"nobody\" is no IPv4 address", Run("explain", "nobody", "b", "80").StandardError, StringComparison.Ordinal);
        Assert.Contains("PORT is \"0\"", Run("explain", "a", "b", "0").StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public void The_example_names_only_keys_that_are_known()
    {
        using AgentHost host = Apart("a", "b");
        host.Server.Start();
        host.Allow("a b tcp 80");
        var example = JsonNode.Parse(File.ReadAllText(Repository.PathOf("examples/policy/agent.json")))!.AsObject();
        foreach ((string key, JsonNode? value) in example)
        {
            if (!host.Configuration.ContainsKey(key))
                host.Configuration[key] = value!.DeepClone();
        }

        host.StartAgent();
        host.Poll().Is(200);
        Assert.Equal(["b:tcp/80"], host.Reached("a", "b:tcp/80", "b:tcp/81"));
        Assert.DoesNotContain("is not known", host.Agent.Log, StringComparison.Ordinal);
    }

    private static (int, string) Explained(CommandResult result) =>
        (result.ExitCode, Verdict().Match(result.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1]) is { Success: true } found ? found.Value : result.ToString());

    private static AgentHost Apart(params string[] apps)
    {
        AgentHost host = AgentHost.Create();
        foreach (string app in apps)
        {
            host.AddContainer($"h-{app}", app);
            host.Serve(app, Ports);
        }

        return host;
    }

    private static void AssertMatrix(AgentHost host, string[] policies)
    {
        string[] apps = ["a", "b", "c"];
        foreach (string source in apps)
        {
            // A container's packets to itself do not leave it.
            string[] cells = [.. apps.Where(each => each != source).SelectMany(each => Ports.Select(port => $"{each}:{port}"))];
            string[] expected = [.. cells.Where(cell => policies.Any(policy => Allows(policy, source, cell))).Order(StringComparer.Ordinal)];
            Assert.Equal(expected, host.Reached(source, cells));
        }
    }

    private static bool Allows(string policy, string source, string cell)
    {
        string[] words = policy.Split(' '), parts = cell.Split(':', '/'), ports = words[3].Split('-');
        int port = int.Parse(parts[2], null);
        return words[0] == source && words[1] == parts[0] && words[2] == parts[1] && int.Parse(ports[0], null) <= port && port <= int.Parse(ports[^1], null);
    }

    private static void AssertSets(AgentHost host, int single, int ranges)
    {
        Assert.Equal(single, host.Elements("agent-allowed").Length);
        Assert.Equal(ranges, host.Elements("agent-allowed-ranges").Length);
        Assert.Equal(3, host.Elements("agent-isolated").Length);
    }

    // What nft(8) sees change, without the elements themselves.
    private static string[] Watched(AgentHost host, Action act) =>
        [.. NftMonitor.Watch(host.Host, act).Select(line => line.Split('{')[0].Trim()).Distinct().Order(StringComparer.Ordinal)];

    // Elements of a set have no order.
    private static string[] Sorted(string ruleset) => [.. ruleset.Split([' ', '\t', '\n', ','], StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)];

    [GeneratedRegex("(accepted|rejected)(?!.*(accepted|rejected))")]
    private static partial Regex Verdict();
}
