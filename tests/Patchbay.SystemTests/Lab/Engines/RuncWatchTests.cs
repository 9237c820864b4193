using System.Text.Json.Nodes;
using Patchbay.Lab.Engines;
using Patchbay.Lab.Engines.Runc;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Lab.Engines;

/// <summary>What a lab hears of real containers of runc by their hooks, which hold them back; runc(8) is the judge.</summary>
public sealed class RuncWatchTests : IDisposable
{
    private readonly TestHost _host;
    private readonly RuncBundle _bundle;

    public RuncWatchTests()
    {
        Needs.Program("runc");
        Needs.Program("busybox");
        _host = TestHost.Create();
        _bundle = new RuncBundle(_host);
    }

    public void Dispose()
    {
        _bundle.Delete();
        _host.Dispose();
    }

    [Fact]
    public async Task Container_waits_until_it_is_wired()
    {
        _bundle.Make(["ip", "-o", "link", "show", "eth7"]);
        await using var engine = new RuncEngine(_bundle.HookSocket, _bundle.Root);
        await using var watch = new EngineWatch(engine);
        await watch.NextAsync(EngineEventKind.Resynchronise);

        Task<CommandResult> running = Task.Run(() => _bundle.Run());
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
        _bundle.Make(["true"]);
        await using var engine = new RuncEngine(_bundle.HookSocket, _bundle.Root);
        await using (var watch = new EngineWatch(engine))
        {
            await watch.NextAsync(EngineEventKind.Resynchronise);
            Task<CommandResult> running = Task.Run(() => _bundle.Run());
            await (await watch.NextAsync(EngineEventKind.Started)).Release!("bridge \"lan\" is somebody else's");
            await (await watch.NextAsync(EngineEventKind.Died)).Release!(null);
            CommandResult refused = await running;
            Assert.NotEqual(0, refused.ExitCode);
            Assert.Contains("bridge \\\"lan\\\" is somebody else's", refused.StandardError, StringComparison.Ordinal);
        }

        // With no lab at all it does not either; unless the hook says that it may.
        Assert.Contains("no lab listens at", _bundle.Run().StandardError, StringComparison.Ordinal);
        _bundle.Make(["true"], "--optional");
        _bundle.Run().Check();
    }

    [Fact]
    public async Task Containers_that_run_are_listed_and_take_commands()
    {
        _bundle.Make(["sleep", "1000"], "--optional");
        _bundle.Run("--detach").Check();
        await using var engine = new RuncEngine(_bundle.HookSocket, _bundle.Root);

        Instance running = Assert.Single(await engine.ListAsync(default));
        JsonNode state = JsonNode.Parse(_bundle.Runc("state", _host.Name).Check().StandardOutput)!;
        Assert.Equal((_host.Name, state["pid"]!.GetValue<int>(), "blue"), (running.Id, running.Pid, running.Labels["org.example.colour"]));
        Assert.Equal(running.Key, (await engine.FindAsync(_host.Name, default))!.Key);
        Assert.Equal(new ExecResult(3, "out\n", "oh\n"), await engine.ExecAsync(running, ["sh", "-c", "echo out; echo oh >&2; exit 3"], default));

        _bundle.Runc("kill", _host.Name, "KILL").Check();
        SpinWait.SpinUntil(() => !engine.IsRunning(running), Command.DefaultLimit);
        Assert.Empty(await engine.ListAsync(default));
    }

    [Theory]
    [InlineData("", "is not the state of a container")]
    [InlineData("{}", "has no id")]
    [InlineData("""{ "id": "c", "status": "creating", "pid": 2147483647 }""", "there is no process 2147483647")]
    public async Task Other_input_of_the_hook_is_refused(string input, string reason)
    {
        await using var engine = new RuncEngine(_bundle.HookSocket, _bundle.Root);
        await using var watch = new EngineWatch(engine);
        await watch.NextAsync(EngineEventKind.Resynchronise);
        using var complaints = new StringWriter();
        // A probe of a second lab says nothing at all, and is no hook.
        Assert.Throws<EngineException>(() => new HookListener("second", _bundle.HookSocket));

        int status = OciHook.Run(new MemoryStream(System.Text.Encoding.UTF8.GetBytes(input.Length == 0 ? "nonsense" : input)), _bundle.HookSocket, optional: false, complaints);

        Assert.Equal(1, status);
        Assert.Contains(reason, complaints.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Second_lab_at_the_same_socket_waits_for_the_first()
    {
        await using RuncEngine first = new(_bundle.HookSocket, _bundle.Root), second = new(_bundle.HookSocket, _bundle.Root);
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
            left.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(_bundle.HookSocket));
            File.Move(_bundle.HookSocket, _bundle.HookSocket + ".kept"); // .NET deletes the file with the socket; a process that is killed does not
        }

        File.Move(_bundle.HookSocket + ".kept", _bundle.HookSocket);
        await using var engine = new RuncEngine(_bundle.HookSocket, _bundle.Root);
        await using (var watch = new EngineWatch(engine))
            await watch.NextAsync(EngineEventKind.Resynchronise);
        Assert.False(File.Exists(_bundle.HookSocket));
    }
}
