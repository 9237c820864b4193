using System.Diagnostics;
using System.Text.Json;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Lab.Engines;

namespace Patchbay.SystemTests.Lab;

/// <summary>What goes wrong around a lab: containers that come and go in the middle of it, names that are nearly the same, files that are too much.</summary>
public class FaultTests
{
    [Fact]
    public void A_container_that_dies_while_it_is_wired_leaves_nothing_and_is_linked_when_it_stays()
    {
        using LabHost lab = new();
        string container = $"{lab.Name}-left";
        string file = lab.Write($$"""
            nodes: [n]
            links:
              - {container: {{container}}, bridge: lan, ip: 10.0.1.1/24, route: default via 10.0.1.2}
              - {container: {{container}}, dev: eth1, peer: {node: n, ip: 10.0.2.2/24}, ip: 10.0.2.1/24, netem: rate 1mbit}
            """);
        Process up = lab.Host.Start([.. PatchbayProgram.Line, "lab", "up", "--name", lab.Name, "--namespaces", file]);
        try
        {
            LabProcess.Says(up, "still waiting for");
            // Each is there a little longer than the one before, so that its end falls upon every step.
            Command.Run(["sh", "-euc", "for ms in $(seq 0 3 90); do ip netns add \"$0\"; sleep \"$(printf 0.%03d \"$ms\")\"; ip netns del \"$0\"; done; ip netns add \"$0\"", container]).Check();

            Assert.True(
                SpinWait.SpinUntil(() => lab.In("left", "ip", "-o", "-4", "addr").StandardOutput is var shown && shown.Contains("10.0.1.1/24", StringComparison.Ordinal) && shown.Contains("10.0.2.1/24", StringComparison.Ordinal), Command.DefaultLimit),
                "the last one is not linked");
            Assert.Equal(["lan", $"{container}-eth0"[..15]], lab.Interfaces().Select(name => name.Length > 3 ? $"{container}-eth0"[..15] : name).Order(StringComparer.Ordinal).Distinct());
            Assert.Equal(2, lab.Interfaces().Length);
            Assert.Equal(2, lab.Ip("n", "link show").GetArrayLength()); // lo, and the end of one cable
            LabProcess.End(up);
            Assert.Empty(lab.Interfaces());
        }
        finally
        {
            if (!up.HasExited)
                up.Kill();
            Command.Run(["ip", "netns", "del", container]);
        }
    }

    [Fact]
    public void Labs_whose_names_are_nearly_the_same_keep_apart()
    {
        using LabHost lab = new();
        string other = $"{lab.Name}-n", dotted = $"{lab.Name}.n";
        string Forwarding(int number) => $"nodes: [z{number}]\nlinks: [{{node: z{number}, bridge: lan{number}, ip: 10.{number}.0.2/24, forward: \"{8000 + number}:80/tcp\"}}]";
        lab.Up("nodes: [n-z1, a]\nlinks: [{node: a, bridge: lan, ip: 10.9.0.2/24, forward: \"8009:80/tcp\"}]");
        string file = lab.Write(Forwarding(1), "other.yaml");

        // The namespace of its node would be that of the other lab's.
        CommandResult refused = lab.Run(["up", file, "--name", other, "--detach"]);
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains($"the network namespace /run/netns/{other}-z1 is there and not this lab's", refused.StandardError, StringComparison.Ordinal);

        lab.Run(["up", lab.Write(Forwarding(2), "other.yaml"), "--name", other, "--detach"]).Check();
        lab.Run(["up", lab.Write(Forwarding(3), "dotted.yaml"), "--name", dotted, "--detach"]).Check();
        try
        {
            Assert.Equal(3, Tables(lab));
            lab.Lab("down").Check();
            Assert.Equal(2, Tables(lab));
            Assert.Equal(["lan2", "lan3", "z2-eth0", "z3-eth0"], lab.Interfaces());
            lab.Run(["down", dotted]).Check();
            Assert.Equal(["lan2", "z2-eth0"], lab.Interfaces());
            Assert.Equal(1, Tables(lab));
        }
        finally
        {
            lab.Run(["down", dotted]).Check();
            lab.Run(["down", other]).Check();
        }

        Assert.Empty(lab.Interfaces());
        Assert.Equal(0, Tables(lab));
    }

    [Fact]
    public void Interfaces_whose_shortened_names_would_be_the_same_are_told_apart()
    {
        using LabHost lab = new();

        lab.Up("""
            nodes: [{node: a-very-long-name-of-a-node, replicas: 3}]
            links: [{node: a-very-long-name-of-a-node, bridge: lan, ip: 10.0.0.1/24}, {node: a-very-long-name-of-a-node, dev: eth00, bridge: lan, ip: 10.0.1.1/24}]
            """);

        Assert.Equal(7, lab.Interfaces().Distinct().Count());
        lab.Ping("a-very-long-name-of-a-node_1", "10.0.1.3");
        CommandResult refused = lab.Run(["validate", lab.Write("nodes: [a, a-b]\nlinks: [{node: a, dev: b-c, bridge: lan}, {node: a-b, dev: c, bridge: lan}]", "same.yaml")]);
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("the interface \"a-b-c\" is already among the lab's outer interfaces", refused.StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bomb_is_refused_before_it_goes_off()
    {
        using LabHost lab = new();
        string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + string.Concat(Enumerable.Range(1, 12).Select(i => $"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n")) + "links: *a12\n";
        string deep = $"links: {new string('[', 200_000)}";

        foreach ((string text, string expected) in new[] { (bomb, "stands for more than"), (deep, "levels") })
        {
            // With little memory: a file of a few lines must not take what there is.
            CommandResult refused = lab.Host.Run([.. PatchbayProgram.Line, "lab", "up", lab.Write(text), "--detach", "--name", lab.Name], null, new Dictionary<string, string?> { ["DOTNET_GCHeapHardLimit"] = "0x4000000" });

            Assert.Equal(2, refused.ExitCode);
            Assert.Contains(expected, refused.StandardError, StringComparison.Ordinal);
        }

        Assert.Empty(lab.Interfaces());
    }

    private static int Tables(LabHost lab) =>
        lab.Host.NftJson("list tables").EnumerateArray().Count(each => each.TryGetProperty("table", out JsonElement table) && table.GetProperty("name").GetString()!.StartsWith("patchbay_", StringComparison.Ordinal));
}
