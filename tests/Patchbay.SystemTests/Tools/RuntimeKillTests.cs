using System.Diagnostics;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;

namespace Patchbay.SystemTests.Tools;

/// <summary>A runtime that is killed in the middle of a chain, and the one that comes after it.</summary>
public sealed class RuntimeKillTests : IDisposable
{
    private readonly TestHost _host;
    private readonly ScriptPlugin _stuck;

    public RuntimeKillTests()
    {
        Plugin.NeedsOurs("bridge", "host-local", "portmap");
        _host = TestHost.Create();
        _stuck = new ScriptPlugin(_host, "stuck", """if [ "$CNI_COMMAND" = ADD ]; then touch "$0.began"; exec sleep 1000; fi""");
        File.WriteAllText(Path.Combine(_host.ConfigDirectory, "net.conflist"), $$"""
            { "cniVersion": "1.1.0", "name": "net", "plugins": [
              { "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "macspoofchk": true,
                "ipam": { "type": "host-local", "dataDir": "{{_host.DataDirectory}}", "subnet": "10.22.0.0/24" } },
              { "type": "portmap", "capabilities": { "portMappings": true } },
              { "type": "stuck" } ] }
            """);
    }

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData("gc", false)]
    [InlineData("del", false)]
    [InlineData("gc", true)]
    public void What_a_killed_runtime_left_is_removed(string verb, bool namespaceGone)
    {
        TestNamespace container = _host.AddContainer();
        using (Process tool = Process.Start(Start(container.Path))!)
        {
            SpinWait.SpinUntil(() => File.Exists(Path.Combine(_stuck.Directory, "stuck.began")) || tool.HasExited, TimeSpan.FromSeconds(60));
            Assert.True(container.HasLink("eth0"));
            tool.Kill(); // the tool alone: its plugin goes on, as it would after a crash
            tool.WaitForExit();
        }

        foreach (string pid in _host.Run("ip", "netns", "pids", _host.Name).StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            _host.Run("kill", "-9", pid);
        if (namespaceGone)
            container.Run("ip", "link", "del", "eth0").Check();

        Tool(verb == "gc" ? ["gc", "net"] : ["del", "net", container.Path]);

        Assert.False(container.HasLink("eth0"));
        Assert.Equal(2, _host.IpJson("link show").GetArrayLength()); // lo and the bridge
        string rules = _host.Run("iptables-save").Check().StandardOutput + _host.Run("nft", "list", "ruleset").Check().StandardOutput;
        foreach (string own in (string[])["10.22.0.2", "8080", "cni-br-iface", "CNI-DN-"])
            Assert.DoesNotContain(own, rules, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.Combine(_host.CacheDirectory, "results")));
        Assert.Empty(Directory.GetFiles(_host.DataDirectory, "10.*", SearchOption.AllDirectories));
        Assert.Equal("10.22.0.2/24", _stuck.Config("DEL").GetProperty("prevResult").GetProperty("ips")[0].GetProperty("address").GetString());
    }

    [Fact]
    public void What_the_plugins_think_of_their_part_is_part_of_the_validation()
    {
        string file = Path.Combine(_host.ConfigDirectory, "net.conflist");
        File.WriteAllText(file, File.ReadAllText(file).Replace("\"bridge\": \"cni0\"", "\"bridge\": \"cni0\", \"vlan\": 5000", StringComparison.Ordinal));
        CommandResult result = _host.Run([Path.Combine(Plugin.OursDirectory, "cnitool"), "validate"], null, Variables());
        Assert.Equal(1, result.ExitCode);
        Assert.StartsWith($"{file}:2: error: plugins[0]: bridge: ", result.StandardOutput, StringComparison.Ordinal);
        Assert.Contains("5000", result.StandardOutput, StringComparison.Ordinal);
    }

    private ProcessStartInfo Start(string netns)
    {
        ProcessStartInfo start = new("nsenter", [$"--net={_host.Path}", "--", .. Line("add", "net", netns)]);
        foreach ((string name, string? value) in _host.Environment.Concat(Variables()))
            start.Environment[name] = value;
        return start;
    }

    private void Tool(params string[] arguments) => _host.Run(Line(arguments), null, Variables()).Check();

    private List<string> Line(params string[] arguments) => [Path.Combine(Plugin.OursDirectory, "cnitool"), "--cache-dir", _host.CacheDirectory, .. arguments];

    private Dictionary<string, string?> Variables() => new()
    {
        ["NETCONFPATH"] = _host.ConfigDirectory,
        ["CNI_PATH"] = $"{Plugin.OursDirectory}:{_stuck.Directory}",
        ["CNI_ARGS"] = null,
        ["CNI_IFNAME"] = null,
        ["CAP_ARGS"] = """{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}""",
    };
}
