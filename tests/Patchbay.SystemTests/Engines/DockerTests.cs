using System.Diagnostics;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;
using Patchbay.SystemTests.Tools;

namespace Patchbay.SystemTests.Engines;

/// <summary>docker-run with a real engine: its containers have the networks of CNI plugins, and nothing is left when they are gone.</summary>
public sealed class DockerTests : IClassFixture<DockerEngine>, IDisposable
{
    private static readonly string[] Server = ["busybox", "sh", "-c", "echo a page >/tmp/page; exec httpd -f -p 80 -h /tmp"];

    private readonly DockerEngine _engine;
    private readonly string _confs;

    public DockerTests(DockerEngine engine)
    {
        Plugin.NeedsOurs("bridge", "host-local", "portmap");
        DockerEngine.Required();
        Needs.OwnDirectories();
        _engine = engine;
        _confs = Directory.CreateDirectory(Path.Combine(Host.Directory, $"net.d-{Guid.NewGuid():N}")).FullName;
        Noted = new ScriptPlugin(Host, "noted", ScriptPlugin.PassOn);
        File.Delete(Path.Combine(Noted.Directory, "calls"));
        WriteNetwork();
    }

    private TestHost Host => _engine.Host;

    private ScriptPlugin Noted { get; set; }

    private string Id => Noted.Variable("ADD", "CNI_CONTAINERID")!;

    private Dictionary<string, string?> Variables => new(_engine.Variables)
    {
        ["CNI_PATH"] = $"{Plugin.OursDirectory}:{Noted.Directory}",
        ["NETCONFPATH"] = _confs,
        ["CNI_ARGS"] = null,
        ["CAP_ARGS"] = null,
    };

    // No container, no namespace, no address, no result is left by any of them.
    public void Dispose()
    {
        // Of a test that failed; docker-run ends with its container.
        foreach (string id in _engine.Docker("ps", "--all", "--quiet", "--filter", "label=patchbay.docker-run").StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            _engine.Docker("rm", "--force", id);
        Wait.Until("the end of every run", () => Command.Run(["pgrep", "-f", $"net-run .*{Host.Directory}"]).ExitCode != 0);
        Assert.Equal("", _engine.Docker("ps", "--all", "--quiet").Check().StandardOutput);
        Assert.DoesNotContain(Directory.GetFiles("/run/netns"), name => Noted.Calls.Length > 0 && Path.GetFileName(name) == Id);
        Assert.Empty(Directory.EnumerateFiles(Host.DataDirectory, "10.*", SearchOption.AllDirectories));
        Assert.Empty(RunHost.Remembered(Host.CacheDirectory));
        Assert.Equal(Noted.Calls.Count(call => call.StartsWith("ADD", StringComparison.Ordinal)), Noted.Calls.Count(call => call.StartsWith("DEL", StringComparison.Ordinal)));
    }

    [Fact]
    public void The_page_does_what_it_says()
    {
        DocumentedCommands page = DocumentedCommands.Of("docs/engines/docker.md");
        Dictionary<string, string?> variables = Variables;
        variables["NETCONFPATH"] = Path.Combine(Host.Directory, "page");
        variables["CNI_PATH"] = Plugin.OursDirectory;
        string Do(string heading) => Host.Run(
            ["bash", "-euc", $"{page.Under("A network")}\n{page.Under(heading)}"], null, variables).Check().StandardOutput;

        string shown = Do("A container in it");
        Assert.Matches(@"(?s)^eth0 .*inet addr:10\.22\.0\.\d+ .*lo .*inet addr:127\.0\.0\.1", shown);
        Assert.Contains("hello", Do("Ports"), StringComparison.Ordinal);
    }

    [Fact]
    public void Containers_reach_the_host_and_each_other_in_both_families()
    {
        Process server = Start(["--name", "web", .. Server]);
        string[] addresses = AddressesOf("web", server);
        Assert.Equal(2, addresses.Length);
        foreach (string address in addresses)
        {
            AwaitPage(address.Contains(':', StringComparison.Ordinal) ? $"[{address}]" : address);
            // nc, because wget of a static busybox crashes where it looks names up
            string ask = $"printf 'GET /page HTTP/1.0\\r\\n\\r\\n' | nc -w 5 {address} 80 | grep page$";
            Assert.Equal("a page\n", Run("--rm", "busybox", "sh", "-c", ask).Check().StandardOutput);
        }

        Assert.Equal(0, Run("--rm", "busybox", "ping", "-c", "1", "-W", "5", "10.22.0.1").ExitCode);
        _engine.Docker("rm", "--force", "web").Check();
        Assert.True(server.WaitForExit(Command.DefaultLimit));
        Assert.Equal(137, server.ExitCode);
    }

    [Fact]
    public void A_port_of_the_host_leads_to_the_container()
    {
        Dictionary<string, string?> variables = Variables;
        variables["CAP_ARGS"] = """{ "portMappings": [ { "hostPort": 8080, "containerPort": 80, "protocol": "tcp" } ] }""";
        Process server = Host.Start(Line(["--rm", "--name", "mapped", .. Server]), variables);
        AwaitPage("10.22.0.1:8080");
        _engine.Docker("kill", "mapped").Check();
        Assert.True(server.WaitForExit(Command.DefaultLimit));
        Assert.DoesNotContain("8080", Host.Run("nft", "list", "ruleset").Check().StandardOutput, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0, "busybox", "true")]
    [InlineData(5, "busybox", "sh", "-c", "exit 5")]
    [InlineData(127, "busybox", "no-such-program")]
    [InlineData(125, "--pull=never", "no-such-image")]
    [InlineData(125, "--no-such-option", "busybox")]
    public void Exit_status_is_docker_s(int status, params string[] arguments) => Assert.Equal(status, Run(["--rm", .. arguments]).ExitCode);

    [Fact]
    public void An_add_that_fails_is_told_and_no_container_is_started()
    {
        Noted = new ScriptPlugin(Host, "noted", """if [ "$CNI_COMMAND" = ADD ]; then echo '{ "code": 123, "msg": "no more ports" }'; exit 1; fi""");
        CommandResult result = Run("--rm", "busybox", "true");
        Assert.Equal(125, result.ExitCode);
        Assert.Contains("docker-run: network \"docked\" (eth0): plugin type=\"noted\" failed (add): no more ports", result.StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public void A_signal_reaches_the_container()
    {
        Process tool = Start("--rm", "--name", "trapping", "busybox", "sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do sleep 0.1; done");
        Assert.Equal("ready", tool.NextLine());
        RunHost.Send("TERM", tool.Id);
        Assert.True(tool.WaitForExit(Command.DefaultLimit));
        Assert.Equal(3, tool.ExitCode);
    }

    // As soon as there is a container, which the engine then is about to start; and when it runs.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_tool_is_killed(bool running)
    {
        Process tool = Start("--rm", "busybox", "sh", "-c", "echo ready; sleep 1000; true");
        if (running)
            Assert.Equal("ready", tool.NextLine());
        else
            Wait.Until("the container", () => _engine.Docker("ps", "--all", "--quiet", "--filter", "label=patchbay.docker-run").StandardOutput.Length > 0);
        RunHost.Send("KILL", tool.Id);
        Wait.Until("the end of the holder and the container", () => _engine.Docker("ps", "--all", "--quiet").StandardOutput.Length == 0);
    }

    [Fact]
    public void The_guardian_is_killed()
    {
        Process tool = Start("--rm", "busybox", "sh", "-c", "echo ready; sleep 1000; true");
        Assert.Equal("ready", tool.NextLine());
        RunHost.Send("KILL", RunHost.ChildOf(tool.Id));
        Assert.True(tool.WaitForExit(Command.DefaultLimit));
        Assert.Equal(137, tool.ExitCode);
    }

    [Fact]
    public void Tool_and_guardian_are_killed_at_once_and_the_next_run_cleans_up()
    {
        Process tool = Start("--rm", "busybox", "sh", "-c", "echo ready; sleep 1000; true");
        Assert.Equal("ready", tool.NextLine());
        RunHost.KillAtOnce(tool);
        Assert.Contains(Id, _engine.Docker("ps", "--format", "{{.Names}}").StandardOutput, StringComparison.Ordinal);

        Assert.Equal(0, Run("--rm", "busybox", "true").ExitCode);
    }

    [Fact]
    public void A_detached_container_keeps_its_network_until_it_ends()
    {
        Process tool = Start("--rm", "--detach", "--name", "detached", "busybox", "sleep", "1000");
        Assert.Matches("^[0-9a-f]{64}$", tool.NextLine()!);
        Assert.Equal(2, AddressesOf("detached", tool).Length);
        Assert.False(tool.HasExited);
        _engine.Docker("kill", "detached").Check();
        Assert.True(tool.WaitForExit(Command.DefaultLimit));
        Assert.Equal(0, tool.ExitCode);
    }

    [Theory]
    [InlineData("DOCKER_HOST", "unix:///no/such/socket", "docker import failed")]
    [InlineData("PATH", "/no/such/directory", "cannot run \"docker\": No such file or directory")]
    public void Without_docker_nothing_happens(string variable, string value, string text)
    {
        Dictionary<string, string?> variables = Variables;
        CommandResult result = Host.Run(["env", $"{variable}={value}", .. Line("--rm", "busybox", "true")], null, variables);
        Assert.Equal(125, result.ExitCode);
        Assert.Contains(text, result.StandardError, StringComparison.Ordinal);
        Assert.Empty(Noted.Calls);
    }

    private void AwaitPage(string from) =>
        Wait.Until($"a page from {from}", () => Host.Run("curl", "--silent", "--globoff", "--max-time", "5", $"http://{from}/page").StandardOutput == "a page\n");

    private string[] Line(params string[] arguments) => [Path.Combine(Plugin.OursDirectory, "docker-run"), "--cache-dir", Host.CacheDirectory, .. arguments];

    private CommandResult Run(params string[] arguments) => Host.Run(Line(arguments), null, Variables);

    private Process Start(params string[] arguments) => Host.Start(Line(arguments), Variables);

    // Global ones, without the length of their prefix; the network was there before the container began.
    private string[] AddressesOf(string container, Process tool)
    {
        CommandResult? shown = null;
        SpinWait.SpinUntil(() => (shown = _engine.Docker("exec", container, "ip", "-o", "addr", "show", "eth0")).ExitCode == 0 || tool.HasExited, Command.DefaultLimit);
        if (shown!.ExitCode != 0)
            Assert.Fail($"{shown}\n{_engine.Docker("ps", "--all")}\n{(tool.HasExited ? tool.StandardError.ReadToEnd() : "docker-run goes on")}");
        return [.. shown.StandardOutput.Split('\n').Where(line => line.Contains("scope global", StringComparison.Ordinal)).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3].Split('/')[0])];
    }

    private void WriteNetwork() => File.WriteAllText(Path.Combine(_confs, "10-docked.conflist"), $$"""
        { "cniVersion": "1.0.0", "name": "docked", "plugins": [
          { "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "ipMasqBackend": "nftables",
            "ipam": { "type": "host-local", "dataDir": "{{Host.DataDirectory}}", "ranges": [[{ "subnet": "10.22.0.0/16" }], [{ "subnet": "fd22::/64" }]] } },
          { "type": "portmap", "backend": "nftables", "capabilities": { "portMappings": true } },
          { "type": "noted" } ] }
        """);
}
