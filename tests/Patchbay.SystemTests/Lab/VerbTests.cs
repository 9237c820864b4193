using System.Diagnostics;
using System.Text.Json;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Lab.Engines;
using Patchbay.SystemTests.Tools;

namespace Patchbay.SystemTests.Lab;

/// <summary>What can be done with a lab that is up.</summary>
public class VerbTests
{
    private const string Lab = """
        nodes: [a, b]
        links:
          - {node: a, bridge: lan, ip: 10.0.0.1/24, netem: rate 10mbit}
          - {node: b, bridge: lan, ip: 10.0.0.2/24, route: 10.9.0.0/16 via 10.0.0.1}
        commands:
          - {node: b, command: "echo hello from b; exit 0"}
        """;

    [Fact]
    public void Inspect_shows_interfaces_as_they_are()
    {
        using LabHost lab = new();
        lab.Up(Lab);

        JsonElement shown = lab.Lab("inspect", "--json").Check().Json;

        JsonElement eth0 = shown.GetProperty("interfaces").EnumerateArray().Single(each => each.GetProperty("node").GetString() == "a");
        JsonElement real = lab.Ip("a", "link show dev eth0")[0];
        Assert.Equal(real.GetProperty("ifindex").GetInt32(), eth0.GetProperty("index").GetInt32());
        Assert.Equal(real.GetProperty("address").GetString(), eth0.GetProperty("mac").GetString());
        Assert.Equal(("up", "lan", "rate 10mbit"), (eth0.GetProperty("state").GetString(), eth0.GetProperty("peer").GetString(), eth0.GetProperty("netem").GetString()));
        Assert.Contains("10.0.0.1/24", lab.Lab("inspect").Check().StandardOutput, StringComparison.Ordinal);
    }

    [Fact]
    public void A_link_is_cut_and_healed()
    {
        using LabHost lab = new();
        lab.Up(Lab);
        lab.Ping("a", "10.0.0.2");

        lab.Lab("link", "down", "b:eth0").Check();

        Assert.NotEqual(0, lab.In("a", "ping", "-c", "1", "-W", "1", "10.0.0.2").ExitCode);
        Assert.Equal("down", State(lab, "b"));
        lab.Lab("link", "up", "b:eth0").Check();
        lab.Ping("a", "10.0.0.2");
        Assert.Equal("10.0.0.1", lab.Ip("b", "route show 10.9.0.0/16")[0].GetProperty("gateway").GetString());
        Assert.Equal(0, lab.Lab("plan", lab.Write(Lab)).ExitCode);
    }

    [Fact]
    public void Impairments_change_while_the_lab_is_up()
    {
        using LabHost lab = new();
        lab.Up(Lab);
        Assert.Equal(1_250_000, Rate(lab));

        lab.Lab("netem", "set", "a:eth0", "rate", "2mbit").Check();

        Assert.Equal(250_000, Rate(lab));
        Assert.Equal("a:eth0 rate 2mbit (file: rate 10mbit)\n", lab.Lab("netem", "show").Check().StandardOutput);
        Assert.Contains("netem rate 2mbit -> rate 10mbit", lab.Lab("plan", lab.Write(Lab)).StandardOutput, StringComparison.Ordinal);
        lab.Lab("netem", "reset", "a:eth0").Check();
        Assert.Equal(1_250_000, Rate(lab));
    }

    [Fact]
    public void Delay_and_loss_are_the_kernels()
    {
        Needs.Netem();
        using LabHost lab = new();
        lab.Up("""
            nodes: [a, b]
            links:
              - {node: a, bridge: lan, ip: 10.0.0.1/24, netem: {egress: delay 100ms loss 0.1%, ingress: delay 50ms}}
              - {node: b, bridge: lan, ip: 10.0.0.2/24}
            """);

        JsonElement netem = JsonDocument.Parse(lab.In("a", "tc", "-j", "qdisc", "show", "dev", "eth0", "root").Check().StandardOutput).RootElement[0];
        Assert.Equal("netem", netem.GetProperty("kind").GetString());
        Assert.Equal(0.1, netem.GetProperty("options").GetProperty("delay").GetProperty("delay").GetDouble(), 3);
        Assert.Equal("netem", lab.Host.TcJson("qdisc show dev a-eth0 root")[0].GetProperty("kind").GetString());
        string[] words = lab.In("b", "ping", "-c", "3", "-q", "10.0.0.1").Check().StandardOutput.Split('\n').Single(line => line.StartsWith("rtt", StringComparison.Ordinal)).Split(['=', '/', ' '], StringSplitOptions.RemoveEmptyEntries);
        // The kernel delays by no less than it was told.
        Assert.True(double.Parse(words[5], System.Globalization.CultureInfo.InvariantCulture) >= 150, string.Join(' ', words));
        Assert.Equal(0, lab.Lab("plan", lab.Write(File.ReadAllText(lab.Host.Directory + "/lab.yaml"))).ExitCode);
    }

    [Fact]
    public void What_the_kernel_lacks_is_refused_before_anything_is_made()
    {
        using LabHost lab = new();
        bool has = lab.Host.Run("ip", "link", "add", "probe", "type", "dummy").ExitCode == 0;
        Assert.SkipWhen(has, "needs a kernel without dummy interfaces; make test runs on one");
        Snapshot before = Snapshot.Take(lab.Host);

        CommandResult up = lab.Lab("up", lab.Write("nodes: [a]\nlinks: [{node: a, type: dummy, dev: d0}, {node: a, bridge: lan}]"), "--detach");

        Assert.Equal(1, up.ExitCode);
        Assert.Contains("this kernel has no dummy, which interface a:d0 needs", up.StandardError, StringComparison.Ordinal);
        Assert.Contains("CONFIG_DUMMY", up.StandardError, StringComparison.Ordinal);
        before.AssertSame(Snapshot.Take(lab.Host));
        Assert.Empty(lab.Namespaces());
    }

    [Fact]
    public void Exec_runs_in_the_network_of_a_node_and_its_status_is_the_programs()
    {
        using LabHost lab = new();
        lab.Up(Lab);

        CommandResult shown = lab.Lab("exec", "b", "--", "ip", "-j", "addr", "show", "dev", "eth0").Check();

        Assert.Equal("10.0.0.2", shown.Json[0].GetProperty("addr_info")[0].GetProperty("local").GetString());
        Assert.Equal(7, lab.Lab("exec", "b", "--", "sh", "-c", "exit 7").ExitCode);
        Assert.Equal(127, lab.Lab("exec", "b", "--", "no-such-program").ExitCode);
        Assert.Contains("has no node \"c\"", lab.Lab("exec", "c", "--", "true").StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public void Commands_run_in_their_node_when_the_links_are_there()
    {
        using LabHost lab = new();

        Assert.Contains("b: hello from b", lab.Up(Lab).StandardOutput, StringComparison.Ordinal);
        Assert.DoesNotContain("hello", lab.Up(Lab).StandardOutput, StringComparison.Ordinal); // they ran when the node was made

        CommandResult failing = lab.Lab("apply", lab.Write(Lab + "\n  - {node: c, command: [\"false\"]}"));
        Assert.Equal(2, failing.ExitCode); // no such node: the file is refused, the lab stays
        Assert.Equal(["a", "b"], lab.Namespaces());
    }

    [Fact]
    public void A_command_that_fails_is_told_and_the_lab_stays()
    {
        using LabHost lab = new();

        CommandResult up = lab.Lab("up", lab.Write("nodes: [a]\ncommands: [{node: a, command: [sh, -c, exit 3]}, {node: a, command: [nonsense]}]"), "--detach");

        Assert.Equal(1, up.ExitCode);
        Assert.Contains("a: command failed with status 3: sh -c exit 3", up.StandardOutput, StringComparison.Ordinal);
        Assert.Contains("a: command cannot be run: nonsense", up.StandardOutput, StringComparison.Ordinal);
        Assert.Contains("is up, but 2 of its commands failed", up.StandardError, StringComparison.Ordinal);
        Assert.Equal(["a"], lab.Namespaces());
    }

    [Fact]
    public void A_lab_in_the_foreground_answers_for_its_health_and_goes_with_its_process()
    {
        using LabHost lab = new();
        string file = lab.Write(Lab);
        string ready = Path.Combine(lab.Host.Directory, "ready");
        lab.Host.Run("ip", "link", "set", "lo", "up").Check();
        Process up = lab.Host.Start([.. PatchbayProgram.Line, "lab", "up", file, "--name", lab.Name, "--health", "8080", "--ready-file", ready]);
        try
        {
            lab.Lab("wait", "--timeout", "60").Check();
            Assert.True(File.Exists(ready));

            JsonElement health = lab.Host.Run("curl", "-sSf", "http://127.0.0.1:8080/health").Check().Json;

            Assert.Equal(("connected", 2), (health.GetProperty("status").GetString(), health.GetProperty("links").GetInt32()));
            Assert.Equal(2, lab.Lab("up", file, "--detach").ExitCode); // another process works on it
        }
        finally
        {
            RunHost.Send("TERM", Pid(up));
            Assert.True(up.WaitForExit(Command.DefaultLimit), "the lab does not end");
        }

        Assert.Equal(0, up.ExitCode);
        Assert.Empty(lab.Namespaces());
        Assert.Empty(lab.Interfaces());
        Assert.False(File.Exists(ready));
    }

    [Fact]
    public void Show_has_the_form_of_conlinks_show_config()
    {
        using LabHost lab = new();
        string file = lab.Write("""
            services: {edge: {x-network: {links: [{bridge: lan, ip: 10.9.0.11/24, forward: "9000:80/tcp"}], commands: [{command: "true"}]}}}
            x-network: {bridges: [{bridge: lan, mode: linux}], links: [{container: probe, bridge: lan, dev: a0}]}
            """, "compose.yaml");

        CommandResult up = lab.Run(["up", "--show-config", "--compose-file", file]).Check();

        Assert.Single(up.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal("linux", up.Json.GetProperty("bridges").GetProperty("lan").GetProperty("mode").GetString());
        JsonElement link = up.Json.GetProperty("services").GetProperty("edge").GetProperty("links")[0];
        Assert.Equal(("eth0", "conlink", 65535), (link.GetProperty("dev").GetString(), link.GetProperty("base").GetString(), link.GetProperty("mtu").GetInt32()));
        Assert.Equal("a0", up.Json.GetProperty("containers").GetProperty("probe").GetProperty("links")[0].GetProperty("dev").GetString());
        Assert.Equal(up.StandardOutput, lab.Run(["up", "--show-config", "--compose-file", file]).Check().StandardOutput);
    }

    [Fact]
    public void Doctor_tells_what_this_kernel_can_do()
    {
        using LabHost lab = new();

        string told = lab.Run(["doctor"]).Check().StandardOutput;

        Assert.Contains("yes  bridge", told, StringComparison.Ordinal);
        bool has = lab.Host.Run("ip", "link", "add", "probe", "type", "dummy").ExitCode == 0;
        Assert.Contains(has ? "yes  dummy" : "no   dummy", told, StringComparison.Ordinal);
        Assert.Equal(has ? 0 : 1, lab.Run(["doctor", lab.Write("nodes: [a]\nlinks: [{node: a, type: dummy}]")]).ExitCode);
    }

    // The process is nsenter, which becomes the program.
    private static int Pid(Process process) => process.Id;

    private static int Rate(LabHost lab) =>
        JsonDocument.Parse(lab.In("a", "tc", "-j", "qdisc", "show", "dev", "eth0", "root").Check().StandardOutput).RootElement[0].GetProperty("options").GetProperty("rate").GetInt32();

    private static string? State(LabHost lab, string node) =>
        lab.Lab("inspect", "--json").Check().Json.GetProperty("interfaces").EnumerateArray().Single(each => each.GetProperty("node").GetString() == node).GetProperty("state").GetString();
}
