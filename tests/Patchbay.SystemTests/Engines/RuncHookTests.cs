using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;
using Patchbay.SystemTests.Tools;

namespace Patchbay.SystemTests.Engines;

/// <summary>Real containers of runc whose hooks are cni-oci-hook.</summary>
public sealed class RuncHookTests : IDisposable
{
    private readonly TestHost _host;
    private ScriptPlugin _noted;

    public RuncHookTests()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        Assert.SkipUnless(File.Exists(Hook), $"needs {Hook}; run make build");
        Needs.Program("runc");
        Needs.Program("busybox");
        Needs.OwnDirectories();
        _host = TestHost.Create();
        _noted = new ScriptPlugin(_host, "noted", ScriptPlugin.PassOn);
    }

    private static string Hook => Path.Combine(Plugin.OursDirectory, "cni-oci-hook");

    private string Bundle => Path.Combine(_host.Directory, "bundle");

    private Dictionary<string, string?> Variables => new()
    {
        ["CNI_PATH"] = Plugin.OursDirectory,
        ["NETCONFPATH"] = _host.ConfigDirectory,
        ["RUNC_ROOT"] = Path.Combine(_host.Directory, "runc"),
        ["BUNDLE"] = Bundle,
        ["CONTAINER"] = _host.Name,
    };

    public void Dispose()
    {
        Runc("delete", "--force", _host.Name);
        bool cgroups = Command.Run(["find", "/sys/fs/cgroup", "-name", _host.Name]).StandardOutput.Length > 0;
        _host.Dispose();
        Assert.False(cgroups, "a control group is left");
    }

    [Fact]
    public void The_page_does_what_it_says()
    {
        DocumentedCommands page = DocumentedCommands.Of("docs/engines/runc.md");
        string start = $"{page.Under("A network and a bundle")}\n{page.Under("The hook")}\n";
        CommandResult shown = _host.Run(["bash", "-euc", start + page.Under("A container")], null, Variables).Check();
        Assert.Matches(@"(?s)eth0 .*inet addr:10\.24\.0\.\d+ .*lo .*inet addr:127\.0\.0\.1", shown.StandardOutput);
        AssertDetached("hooked");

        CommandResult refused = _host.Run(["bash", "-uc", $"{page.Under("A network and a bundle")}\n{page.Under("The hook")}\n{page.Under("When a plugin fails")}"], null, Variables);
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("failed to find plugin", refused.StandardError, StringComparison.Ordinal);
        AssertDetached("hooked");
    }

    [Fact]
    public void A_container_is_created_started_and_deleted()
    {
        Snapshot before = Snapshot.Take(_host, "cni0", "cni1");
        MakeBundle(["sleep", "1000"], ["web", "db:data"]);

        Runc("create", "--bundle", Bundle, _host.Name).Check();

        // Before the process of the container begins, it has its networks.
        string addresses = Exec("ip", "-o", "-4", "addr");
        Assert.Matches(@"eth0 +inet 10\.25\.0\.\d+/24", addresses);
        Assert.Matches(@"data +inet 10\.26\.0\.\d+/24", addresses);
        Assert.Equal(_host.Name, _noted.Variable("ADD", "CNI_CONTAINERID"));
        Assert.Matches("^/proc/[0-9]+/ns/net$", _noted.Variable("ADD", "CNI_NETNS"));
        Runc("start", _host.Name).Check();
        Runc("delete", "--force", _host.Name).Check();

        Assert.Equal(["ADD noted", "ADD noted", "DEL noted", "DEL noted"], _noted.Calls);
        Assert.Equal("", _noted.Variable("DEL", "CNI_NETNS")); // poststop: the namespace is gone
        Assert.Equal("eth0", _noted.Variable("DEL", "CNI_IFNAME"));
        Assert.Equal("web", _noted.Config("DEL").GetProperty("prevResult").GetProperty("dns").GetProperty("domain").GetString());
        AssertSame(before);
    }

    [Fact]
    public void The_hook_is_known_by_its_older_name()
    {
        MakeBundle(["ip", "-o", "-4", "addr"], ["web"], begin: "prestart");
        CommandResult shown = Runc("run", "--bundle", Bundle, _host.Name).Check();
        Assert.Matches(@"eth0 +inet 10\.25\.0\.\d+/24", shown.StandardOutput);
        Assert.Equal(["ADD noted", "DEL noted"], _noted.Calls);
    }

    [Fact]
    public void An_add_that_fails_fails_the_container_and_leaves_nothing()
    {
        Snapshot before = Snapshot.Take(_host, "cni0", "cni1");
        _noted = new ScriptPlugin(_host, "noted", $$"""
            if [ "$CNI_COMMAND $CNI_IFNAME" = "ADD data" ]; then echo '{ "code": 123, "msg": "no more ports" }'; exit 1; fi
            {{ScriptPlugin.PassOn}}
            """);
        MakeBundle(["true"], ["web", "db:data"]);
        foreach (string verb in (string[])["create", "run"])
        {
            CommandResult result = Runc(verb, "--bundle", Bundle, _host.Name);
            Assert.NotEqual(0, result.ExitCode);
            Assert.Contains("cni-oci-hook: network \\\"db\\\" (data): plugin type=\\\"noted\\\" failed (add): no more ports", result.StandardError, StringComparison.Ordinal);
            Assert.Equal("null", Runc("list", "--format", "json").Check().StandardOutput.Trim());
            AssertSame(before);
        }
    }

    [Fact]
    public void A_container_without_a_namespace_of_its_own_is_refused()
    {
        MakeBundle(["true"], ["web"], change: config =>
        {
            JsonArray namespaces = config["linux"]!["namespaces"]!.AsArray();
            namespaces.Remove(namespaces.Single(each => each!["type"]!.GetValue<string>() == "network"));
        });
        CommandResult result = Runc("run", "--bundle", Bundle, _host.Name);
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("the container shares the host's network namespace", result.StandardError, StringComparison.Ordinal);
        Assert.DoesNotContain("ADD noted", _noted.Calls); // runc runs poststop all the same
    }

    [Theory]
    [InlineData("", "no container state on standard input")]
    [InlineData("{}", "has no id")]
    [InlineData("""{ "id": "a/b", "status": "stopped" }""", "invalid")]
    [InlineData("""{ "id": "c", "status": "creating", "pid": -1 }""", "pid")]
    [InlineData("""{ "id": "c", "status": "creating", "pid": 2147483647 }""", "no network namespace at")]
    public void Another_state_is_refused(string state, string text)
    {
        WriteNetworks();
        CommandResult result = _host.Run([Hook, "web"], state, Variables);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains($"cni-oci-hook: ", result.StandardError, StringComparison.Ordinal);
        Assert.Contains(text, result.StandardError, StringComparison.Ordinal);
        Assert.Empty(_noted.Calls);
    }

    // runc's streams become those of the container, so no pipe: nobody would see the end of it.
    private CommandResult Runc(params string[] arguments) => _host.Run(
        ["sh", "-c", """out=$1; shift; runc "$@" </dev/null >"$out.out" 2>"$out.err"; s=$?; cat "$out.out"; cat "$out.err" >&2; exit $s""",
            "sh", Path.Combine(_host.Directory, "runc-log"), "--root", Variables["RUNC_ROOT"]!, .. arguments]);

    private string Exec(params string[] command) => Runc(["exec", _host.Name, .. command]).Check().StandardOutput;

    private void AssertSame(Snapshot before)
    {
        Assert.Empty(RunHost.Remembered(_host.CacheDirectory));

        // Without a namespace the plugin cannot delete what is in it: the kernel does, and its host's end with it, some time after the last process (cleanup_net).
        SpinWait.SpinUntil(() => before.Difference(Snapshot.Take(_host, "cni0", "cni1")).Length == 0, Command.DefaultLimit);
        before.AssertSame(Snapshot.Take(_host, "cni0", "cni1"));
    }

    private void AssertDetached(string network)
    {
        Assert.DoesNotContain(Directory.GetFiles("/var/lib/cni/results"), file => file.Contains(_host.Name, StringComparison.Ordinal));
        Assert.DoesNotContain(Directory.GetFiles($"/var/lib/cni/networks/{network}", "10.*"), file => File.ReadAllText(file).Contains(_host.Name, StringComparison.Ordinal));
        Assert.Equal("null", Runc("list", "--format", "json").Check().StandardOutput.Trim());
    }

    private void WriteNetworks()
    {
        foreach ((string name, string bridge, string prefix) in ((string, string, string)[])[("web", "cni0", "10.25.0"), ("db", "cni1", "10.26.0")])
        {
            File.WriteAllText(Path.Combine(_host.ConfigDirectory, $"10-{name}.conflist"), $$"""
                { "cniVersion": "1.0.0", "name": "{{name}}", "plugins": [
                  { "type": "bridge", "bridge": "{{bridge}}", "isGateway": true, "dns": { "domain": "{{name}}" },
                    "ipam": { "type": "host-local", "dataDir": "{{_host.DataDirectory}}", "ranges": [[{ "subnet": "{{prefix}}.0/24" }]] } },
                  { "type": "noted" } ] }
                """);
        }
    }

    private void MakeBundle(string[] command, string[] networks, string begin = "createRuntime", Action<JsonObject>? change = null)
    {
        WriteNetworks();
        _host.Run(["sh", "-euc", """
            mkdir -p "$0/rootfs/bin" && cd "$0"
            cp "$(command -v busybox)" rootfs/bin/
            for applet in sh sleep ip true; do ln -s busybox rootfs/bin/$applet; done
            runc spec
            """, Bundle]).Check();
        string file = Path.Combine(Bundle, "config.json");
        JsonObject config = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        config["process"]!["terminal"] = false;
        config["process"]!["args"] = new JsonArray([.. command.Select(word => (JsonNode)word)]);
        JsonObject hook = new()
        {
            ["path"] = Hook,
            ["args"] = new JsonArray(["cni-oci-hook", "--cache-dir", _host.CacheDirectory, .. networks.Select(name => (JsonNode)name)]),
            ["env"] = new JsonArray([$"CNI_PATH={Plugin.OursDirectory}:{_noted.Directory}", $"NETCONFPATH={_host.ConfigDirectory}", "PATH=/usr/sbin:/usr/bin:/sbin:/bin"]),
        };
        config["hooks"] = new JsonObject { [begin] = new JsonArray(hook), ["poststop"] = new JsonArray(hook.DeepClone()) };
        change?.Invoke(config);
        File.WriteAllText(file, config.ToJsonString());
    }
}
