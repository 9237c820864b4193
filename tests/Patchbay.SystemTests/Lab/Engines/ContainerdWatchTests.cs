using Patchbay.Lab.Engines;
using Patchbay.Lab.Engines.Containerd;
using Patchbay.SystemTests.Harness;
using Machine = Patchbay.SystemTests.Engines.Containerd;

namespace Patchbay.SystemTests.Lab.Engines;

/// <summary>What a lab hears of a real containerd, and has it do; ctr(1) is the judge.</summary>
public sealed class ContainerdWatchTests : IDisposable
{
    private readonly Machine _containerd = Machine.Start(network: null);

    public void Dispose() => _containerd.Dispose();

    [Fact]
    public async Task Creation_pause_end_and_commands()
    {
        await using Engine engine = Connect();
        await using var watch = new EngineWatch(engine);
        await watch.NextAsync(EngineEventKind.Resynchronise);
        _containerd.Ctr("run", "--detach", "--label", "com.docker.compose.service=node", "--label", "nerdctl/name=pretty", "--env", "COLOUR=blue", Machine.Image, "web", "sleep", "1000").Check();

        Instance created = (await watch.NextAsync(EngineEventKind.Started, "web")).Instance!;
        Assert.Equal(("pretty", "node"), (created.Name, created.Service));
        Assert.Equal(_containerd.PidOf("web"), $"{created.Pid}");
        Assert.True(engine.IsRunning(created));
        Assert.Equal(created.Key, Assert.Single(await engine.ListAsync(default)).Key);
        Assert.Equal(created.Key, (await engine.FindAsync("pretty", default))!.Key);

        Assert.Equal(new ExecResult(3, "blue\n", "oh\n"), await engine.ExecAsync(created, ["sh", "-c", "echo $COLOUR; echo oh >&2; exit 3"], default));
        Assert.Contains("no-such-program", (await Assert.ThrowsAsync<EngineException>(() => engine.ExecAsync(created, ["no-such-program"], default))).Message, StringComparison.Ordinal);
        string inside = (await engine.ExecAsync(created, ["busybox", "readlink", "/proc/self/ns/net"], default)).StandardOutput.Trim();
        Assert.Equal(inside, Command.Run(["readlink", created.NamespacePath]).Check().StandardOutput.Trim());

        _containerd.Ctr("task", "pause", "web").Check();
        await watch.NextAsync(EngineEventKind.Paused, "web");
        Assert.True((await engine.FindAsync("web", default))!.IsPaused);
        _containerd.Ctr("task", "resume", "web").Check();
        await watch.NextAsync(EngineEventKind.Unpaused, "web");

        // Of the commands that ended nothing was told: the next end is the container's.
        _containerd.Ctr("task", "kill", "--signal", "KILL", "web").Check();
        Assert.Equal(created.Pid, (await watch.NextAsync(EngineEventKind.Died)).Pid);
        Assert.False(engine.IsRunning(created));
        Assert.Empty(await engine.ListAsync(default));
        _containerd.Ctr("task", "delete", "web").Check();

        // Another containerd namespace is another world.
        _containerd.Ctr("--namespace", "k8s.io", "run", "--detach", Machine.Image, "other", "sleep", "1000").Check();
        _containerd.Ctr("task", "start", "--detach", "web").Check();
        Assert.NotEqual(created.Key, (await watch.NextAsync(EngineEventKind.Started)).Instance!.Key);
        Assert.Null(await engine.FindAsync("other", default));
    }

    [Fact]
    public async Task Engine_goes_away_and_its_containers_stay()
    {
        await using Engine engine = Connect();
        await using var watch = new EngineWatch(engine);
        await watch.NextAsync(EngineEventKind.Resynchronise);
        _containerd.Ctr("run", "--detach", Machine.Image, "web", "sleep", "1000").Check();
        Instance before = (await watch.NextAsync(EngineEventKind.Started, "web")).Instance!;

        _containerd.Stop();
        await watch.NextAsync(EngineEventKind.Lost);
        Assert.True(engine.IsRunning(before));
        _containerd.Start();
        await watch.NextAsync(EngineEventKind.Resynchronise);
        Assert.Equal(before.Key, Assert.Single(await engine.ListAsync(default)).Key);
        _containerd.Ctr("task", "kill", "--signal", "KILL", "web").Check();
        await watch.NextAsync(EngineEventKind.Died, "web");
    }

    private ContainerdEngine Connect() => new(_containerd.Socket, processes: new ProcessTable(_containerd.Machine.PathOf("/proc")));
}
