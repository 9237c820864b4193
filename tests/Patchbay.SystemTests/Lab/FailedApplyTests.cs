using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Lab.Engines;

namespace Patchbay.SystemTests.Lab;

/// <summary>An <c>apply</c> that the kernel refuses in the middle leaves the lab as it was: what it changed, what it made, what it removed.</summary>
public class FailedApplyTests
{
    // The links are changed in their order; the last one has a gateway that is nowhere near in the file that fails.
    private const string Good = """
        nodes: [{node: a, forwarding: true}, b, c]
        bridges: [{bridge: lan, ip: 10.0.0.254/24}, {bridge: wan}]
        links:
          - {node: a, bridge: lan, ip: [10.0.0.1/24, "fd00::1/64"], mtu: 1400, netem: rate 10mbit, route: [default via 10.0.0.254, "fd00:9::/64 via fd00::9"]}
          - {node: a, dev: eth1, bridge: wan, ip: 10.1.0.1/24, mac: "02:00:00:00:00:11", mtu: 1400}
          - {node: c, bridge: lan, ip: 10.0.0.3/24, forward: "8080:80/tcp"}
          - {node: b, bridge: lan, ip: 10.0.0.2/24, mtu: 1400}
        commands:
          - {node: c, command: "exec sleep 1000", background: true}
        """;

    private const string Bad = """
        nodes: [{node: a, forwarding: false}, b, d]
        bridges: [{bridge: lan, ip: 10.0.0.253/24, stp: true, mtu: 1280}, {bridge: wan}]
        links:
          - {node: a, bridge: lan, ip: [10.0.0.7/24, "fd00::7/64"], mac: "02:00:00:00:00:12", mtu: 1300, netem: rate 1mbit, route: default via 10.0.0.253}
          - {node: a, dev: eth1, bridge: lan, ip: 10.1.0.7/24, mtu: 1300}
          - {node: d, bridge: lan2, ip: 10.0.0.4/24}
          - {node: b, bridge: lan, ip: 10.0.0.2/24, mtu: 1300, route: default via 172.16.0.1}
        """;

    [Fact]
    public void What_it_changed_is_as_before()
    {
        using LabHost lab = new();
        lab.Up(Good);
        // By hand: no file says so, and it stays all the same.
        lab.Lab("netem", "set", "b:eth0", "rate", "3mbit").Check();
        lab.Lab("link", "down", "a:eth1").Check();
        Snapshot host = Snapshot.Take(lab.Host);
        string[] before = State(lab);
        string sleeper = Processes(lab, "c");
        Assert.NotEqual("", sleeper);

        CommandResult apply = lab.Lab("apply", lab.Write(Bad));

        Assert.Equal(1, apply.ExitCode);
        Assert.Contains("default via 172.16.0.1 dev eth0", apply.StandardError, StringComparison.Ordinal);
        string[] after = State(lab);
        Assert.True(before.SequenceEqual(after), $"- before, + after:\n{string.Join('\n', before.Except(after).Select(fact => $"- {fact}").Concat(after.Except(before).Select(fact => $"+ {fact}")))}");
        host.AssertSame(Snapshot.Take(lab.Host));
        Assert.Equal(["a", "b", "c"], lab.Namespaces());
        Assert.Equal(sleeper, Processes(lab, "c"));
        lab.Ping("a", "10.0.0.3");
        // What the lab was told last is what it was told when that was done.
        Assert.Contains("10.0.0.1/24", lab.Lab("inspect").Check().StandardOutput, StringComparison.Ordinal);
        lab.Lab("wait", "--timeout", "5").Check();
    }

    [Fact]
    public void A_file_that_is_right_is_applied_afterwards()
    {
        using LabHost lab = new();
        lab.Up(Good);
        Assert.Equal(1, lab.Lab("apply", lab.Write(Bad)).ExitCode);
        string right = lab.Write(Bad.Replace(", route: default via 172.16.0.1", "", StringComparison.Ordinal));

        lab.Lab("apply", right).Check();

        Assert.Equal(0, lab.Lab("plan", right).ExitCode);
        Assert.Equal(["a", "b", "d"], lab.Namespaces());
        lab.Lab("down").Check();
        Assert.Empty(lab.Namespaces());
        Assert.Empty(lab.Interfaces());
    }

    [Fact]
    public void Vlans_of_a_port_are_as_before_too()
    {
        Needs.BridgeVlanFiltering();
        using LabHost lab = new();
        string Vlans(string ofPort) => $"nodes: [a, b]\nbridges: [{{bridge: lan, vlan-filtering: true}}]\nlinks: [{{node: a, bridge: lan, {ofPort}}}, {{node: b, bridge: lan, ip: 10.0.0.2/24, ROUTE}}]";
        string Good(string ofPort) => Vlans(ofPort).Replace(", ROUTE", "", StringComparison.Ordinal);
        lab.Up(Good("vlan: 5, trunk: [7]"));
        string before = lab.Host.BridgeJson("vlan show dev a-eth0").GetRawText();

        Assert.Equal(1, lab.Lab("apply", lab.Write(Vlans("vlan: 6").Replace("ROUTE", "route: default via 172.16.0.1", StringComparison.Ordinal))).ExitCode);

        Assert.Equal(before, lab.Host.BridgeJson("vlan show dev a-eth0").GetRawText());
        lab.Lab("apply", lab.Write(Good("vlan: 6"))).Check();
        Assert.Equal(0, lab.Lab("plan", lab.Write(Good("vlan: 6"))).ExitCode);
    }

    [Fact]
    public void Of_a_lab_that_follows_containers_somebody_follows_them_still()
    {
        using LabHost lab = new();
        string container = $"{lab.Name}-left", file = lab.Write($"links: [{{container: {container}, bridge: lan, ip: 10.0.0.1/24}}]");
        Command.Run(["ip", "netns", "add", container]).Check();
        try
        {
            lab.Lab("up", file, "--namespaces", "--detach").Check();

            lab.Write($"nodes: [n]\nlinks: [{{container: {container}, bridge: lan, ip: 10.0.0.1/24}}, {{node: n, bridge: lan, ip: 10.0.0.2/24, route: default via 172.16.0.1}}]");
            // Into a file: a runtime that is not compiled in keeps the stream for who follows.
            string errors = Path.Combine(lab.Host.Directory, "errors");
            CommandResult apply = lab.Host.Run(["sh", "-c", "exec \"$@\" 2>\"$0\"", errors, .. PatchbayProgram.Line, "lab", "apply", file, "--namespaces", "--name", lab.Name]);

            Assert.Equal(1, apply.ExitCode);
            Assert.Contains("172.16.0.1", File.ReadAllText(errors), StringComparison.Ordinal);
            Command.Run(["ip", "netns", "del", container]).Check();
            Command.Run(["ip", "netns", "add", container]).Check();
            Assert.True(SpinWait.SpinUntil(() => lab.In("left", "ip", "-o", "addr", "show", "dev", "eth0").StandardOutput.Contains("10.0.0.1/24", StringComparison.Ordinal), Command.DefaultLimit), "nobody links the container");
            lab.Lab("down").Check();
            Assert.Empty(lab.Interfaces());
        }
        finally
        {
            Command.Run(["ip", "netns", "del", container]);
        }
    }

    [Fact]
    public void Apply_changes_a_lab_that_follows_containers()
    {
        using LabHost lab = new();
        string container = $"{lab.Name}-left";
        Command.Run(["ip", "netns", "add", container]).Check();
        try
        {
            lab.Lab("up", lab.Write($"links: [{{container: {container}, bridge: lan, ip: 10.0.0.1/24}}]"), "--namespaces", "--detach").Check();

            lab.Lab("apply", lab.Write($"links: [{{container: {container}, bridge: lan, ip: 10.0.0.7/24}}]"), "--namespaces").Check();

            Assert.Equal("10.0.0.7", lab.Ip("left", "-4 addr show dev eth0")[0].GetProperty("addr_info")[0].GetProperty("local").GetString());
            lab.Lab("down").Check();
        }
        finally
        {
            Command.Run(["ip", "netns", "del", container]);
        }
    }

    // Everything that a lab may set, as ip(8), tc(8) and sysctl(8) show it. An interface that was removed and made again has another number.
    private static string[] State(LabHost lab)
    {
        var facts = new List<string>();
        foreach (string node in (string[])["", "a", "b", "c"])
        {
            foreach (string what in (string[])["ip -j -d addr show", "ip -j -4 route show", "ip -j -6 route show", "tc -j qdisc show"])
            {
                CommandResult shown = node.Length == 0 ? lab.Host.Run(what.Split(' ')) : lab.In(node, what.Split(' '));
                foreach (JsonNode? each in JsonNode.Parse(shown.Check().StandardOutput)!.AsArray().Where(each => $"{each!["protocol"]}" != "kernel")) // those follow from the addresses
                    facts.Add($"{node}: {Fact(each!.AsObject(), isOfC: node == "c")}");
            }

            if (node.Length > 0)
                facts.Add($"{node}: {lab.In(node, "sysctl", "net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding").Check().StandardOutput}");
        }

        return [.. facts.Order(StringComparer.Ordinal)];
    }

    private static string Fact(JsonObject fact, bool isOfC)
    {
        // Numbers of what is new by now, and what the kernel counts or decides by itself: states follow from carriers, a moment later.
        foreach (string key in (string[])["operstate", "link_index", "link_netnsid", "handle", "expires", "num_tx_queues", "num_rx_queues"])
            fact.Remove(key);
        string name = $"{fact["ifname"] ?? fact["dev"]}";
        if (isOfC || name == "c-eth0")
            fact.Remove("ifindex");
        if (fact["linkinfo"] is JsonObject info)
        {
            foreach (JsonObject data in new[] { info["info_data"], info["info_slave_data"] }.OfType<JsonObject>())
            {
                foreach (string timer in data.Select(each => each.Key).Where(key => key.Contains("timer", StringComparison.Ordinal) || key is "state" or "id" or "no" or "designated_port" or "topology_change" or "topology_change_detected" or "root_port").ToList())
                    data.Remove(timer);
            }
        }

        fact.Remove("flags");
        if (fact["addr_info"] is JsonArray addresses)
        {
            foreach (JsonNode? local in addresses.Where(each => $"{each!["scope"]}" == "link").ToList())
                addresses.Remove(local);
        }

        // The order of addresses, of one interface, is of no matter to anybody but who asks for a source.
        return fact["addr_info"] is JsonArray all ? $"{name} {string.Join(' ', all.Select(each => each!.ToJsonString()).Order(StringComparer.Ordinal))} {Rest(fact)}" : fact.ToJsonString();
    }

    private static string Rest(JsonObject fact)
    {
        fact.Remove("addr_info");
        return fact.ToJsonString();
    }

    private static string Processes(LabHost lab, string node) => Command.Run(["ip", "netns", "pids", $"{lab.Name}-{node}"]).Check().StandardOutput;
}
