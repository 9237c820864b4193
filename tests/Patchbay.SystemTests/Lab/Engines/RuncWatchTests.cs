using System.Text.Json.Nodes;
using Patchbay.Lab.Engines;
using Patchbay.Lab.Engines.Runc;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Lab.Engines;

/// <summary>What a lab hears of real containers of runc by their hooks, which hold them back; runc(8) is the judge.</summary>
public sealed class RuncWatchTests : IDisposable
{
    private readonly TestHost _host;

    public RuncWatchTests()
    {
        Needs.Program("runc");
        Needs.Program("busybox");
        _host = TestHost.Create();
    }

    private string Bundle => Path.Combine(_host.Directory, "bundle");

    private string Root => Path.Combine(_host.Directory, "runc");

    private string HookSocket => Path.Combine(_host.Directory, "hooks.sock");

    public void Dispose()
    {
        Runc("delete", "--force", _host.Name);
        _host.Dispose();
    }

    [Fact]
    public async Task Container_waits_until_it_is_wired()
    {
        MakeBundle(["ip", "-o", "link", "show", "eth7"]);
        await using var engine = new RuncEngine(HookSocket, Root);
        await using var watch = new EngineWatch(engine);
        await watch.NextAsync(EngineEventKind.Resynchronise);

        Task<CommandResult> running = Task.Run(() => Runc("run", "--bundle", Bundle, _host.Name));
        EngineEvent created = await watch.NextAsync(EngineEventKind.Started, _host.Name);
        Assert.True(created.IsHeld);
        Assert.Equal("blue", created.Instance!.Labels["org.example.colour"]);
        Assert.True(engine.IsRunning(created.Instance));
        Assert.False(running.IsCompleted);
        // What the container's only command looks for is made by somebody else, while it waits.
        Command.Run(["nsenter", $"--net={created.Instance.NamespacePath}", "ip", "link", "add", "eth7", "type", "bridge"]).Check();
        await created.Release!(null);
        EngineEvent deleted = await watch.NextAsync(EngineEventKind.Died, _host.Name);
        Assert.False(engine.IsRunning(created.Instance));
        await deleted.Release!(null);

        Assert.Contains("eth7", (await running).Check().StandardOutput, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Container_that_cannot_be_wired_does_not_start()
    {
        MakeBundle(["true"]);
        await using var engine = new RuncEngine(HookSocket, Root);
        await using (var watch = new EngineWatch(engine))
        {
            await watch.NextAsync(EngineEventKind.Resynchronise);
            Task<CommandResult> running = Task.Run(() => Runc("run", "--bundle", Bundle, _host.Name));
            await (await watch.NextAsync(EngineEventKind.Started)).Release!("bridge \"lan\" is somebody else's");
            await (await watch.NextAsync(EngineEventKind.Died)).Release!(null);
            CommandResult refused = await running;
            Assert.NotEqual(0, refused.ExitCode);
            Assert.Contains("bridge \\\"lan\\\" is somebody else's", refused.StandardError, StringComparison.Ordinal);
        }

        // With no lab at all it does not either; unless the hook says that it may.
        Assert.Contains("no lab listens at", Runc("run", "--bundle", Bundle, _host.Name).StandardError, StringComparison.Ordinal);
        MakeBundle(["true"], "--optional");
        Runc("run", "--bundle", Bundle, _host.Name).Check();
    }

    [Fact]
    public async Task Containers_that_run_are_listed_and_take_commands()
    {
        MakeBundle(["sleep", "1000"], "--optional");
        Runc("run", "--detach", "--bundle", Bundle, _host.Name).Check();
        await using var engine = new RuncEngine(HookSocket, Root);

        Instance running = Assert.Single(await engine.ListAsync(default));
        JsonNode state = JsonNode.Parse(Runc("state", _host.Name).Check().StandardOutput)!;
        Assert.Equal((_host.Name, state["pid"]!.GetValue<int>(), "blue"), (running.Id, running.Pid, running.Labels["org.example.colour"]));
        Assert.Equal(running.Key, (await engine.FindAsync(_host.Name, default))!.Key);
        Assert.Equal(new ExecResult(3, "out\n", "oh\n"), await engine.ExecAsync(running, ["sh", "-c", "echo out; echo oh >&2; exit 3"], default));

        Runc("kill", _host.Name, "KILL").Check();
        SpinWait.SpinUntil(() => !engine.IsRunning(running), Command.DefaultLimit);
        Assert.Empty(await engine.ListAsync(default));
    }

    [Theory]
    [InlineData("", "is not the state of a container")]
    [InlineData("{}", "has no id")]
    [InlineData("""{ "id": "c", "status": "creating", "pid": 2147483647 }""", "there is no process 2147483647")]
    public async Task Other_input_of_the_hook_is_refused(string input, string reason)
    {
        await using var engine = new RuncEngine(HookSocket, Root);
        await using var watch = new EngineWatch(engine);
        await watch.NextAsync(EngineEventKind.Resynchronise);
        using var complaints = new StringWriter();
        // A probe of a second lab says nothing at all, and is no hook.
        Assert.Throws<EngineException>(() => new HookListener("second", HookSocket));

        int status = OciHook.Run(new MemoryStream(System.Text.Encoding.UTF8.GetBytes(input.Length == 0 ? "nonsense" : input)), HookSocket, optional: false, complaints);

        Assert.Equal(1, status);
        Assert.Contains(reason, complaints.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Second_lab_at_the_same_socket_waits_for_the_first()
    {
        await using RuncEngine first = new(HookSocket, Root), second = new(HookSocket, Root);
        var listening = new EngineWatch(first);
        await listening.NextAsync(EngineEventKind.Resynchronise);
        await using var waiting = new EngineWatch(second);
        Assert.Contains("another lab takes the hooks", (await waiting.NextAsync(EngineEventKind.Lost)).Reason, StringComparison.Ordinal);
        await listening.DisposeAsync();
        await waiting.NextAsync(EngineEventKind.Resynchronise);
    }

    [Fact]
    public async Task Socket_of_a_lab_that_was_killed_is_taken_over()
    {
        using (var left = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified))
        {
            left.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(HookSocket));
            File.Move(HookSocket, HookSocket + ".kept"); // .NET deletes the file with the socket; a process that is killed does not
        }

        File.Move(HookSocket + ".kept", HookSocket);
        await using var engine = new RuncEngine(HookSocket, Root);
        await using (var watch = new EngineWatch(engine))
            await watch.NextAsync(EngineEventKind.Resynchronise);
        Assert.False(File.Exists(HookSocket));
    }

    private CommandResult Runc(params string[] arguments) => _host.Run(
        ["sh", "-c", """out=$1; shift; runc "$@" </dev/null >"$out.out" 2>"$out.err"; s=$?; cat "$out.out"; cat "$out.err" >&2; exit $s""",
            "sh", Path.Combine(_host.Directory, "runc-log"), "--root", Root, .. arguments]);

    private void MakeBundle(string[] command, params string[] hookOptions)
    {
        _host.Run(["sh", "-euc", """
            mkdir -p "$0/rootfs/bin" && cd "$0"
            cp "$(command -v busybox)" rootfs/bin/
            for applet in sh sleep ip true; do ln -sf busybox rootfs/bin/$applet; done
            rm -f config.json
            runc spec
            """, Bundle]).Check();
        string file = Path.Combine(Bundle, "config.json");
        JsonObject config = JsonNode.Parse(File.ReadAllText(file))!.AsObject();
        config["process"]!["terminal"] = false;
        config["process"]!["args"] = new JsonArray([.. command.Select(word => (JsonNode)word)]);
        config["annotations"] = new JsonObject { ["org.example.colour"] = "blue" };
        string[] line = [.. PatchbayProgram.Line, "lab", "hook", "--socket", HookSocket, .. hookOptions];
        JsonObject hook = new()
        {
            ["path"] = line[0],
            ["args"] = new JsonArray([.. line.Select(word => (JsonNode)word)]),
            ["env"] = new JsonArray(["PATH=/usr/sbin:/usr/bin:/sbin:/bin", $"HOME={_host.Directory}"]),
        };
        config["hooks"] = new JsonObject { ["createRuntime"] = new JsonArray(hook), ["poststop"] = new JsonArray(hook.DeepClone()) };
        File.WriteAllText(file, config.ToJsonString());
    }
}
