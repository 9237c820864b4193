using System.Diagnostics;
using Patchbay.Lab.Engines;
using Patchbay.SystemTests.Engines;
using Patchbay.SystemTests.Harness;
using Docker = Patchbay.Lab.Engines.Docker.DockerEngine;

namespace Patchbay.SystemTests.Lab.Engines;

/// <summary>What a lab hears of a real Podman by its Docker-compatible socket, and has it do; podman(1) is the judge.</summary>
public sealed class PodmanWatchTests : IDisposable
{
    private readonly PodmanHost _podman = new();

    public void Dispose() => _podman.Dispose();

    [Fact]
    public async Task Start_pause_restart_and_end_and_commands()
    {
        Process service = StartService();
        await using Engine engine = Connect();
        await using var watch = new EngineWatch(engine);
        await watch.NextAsync(EngineEventKind.Resynchronise);
        string id = _podman.Podman("run", "-d", "--network", "none", "--name", "web", "--label", "com.docker.compose.project=shop", "box", "sleep", "1000");

        Instance started = (await watch.NextAsync(EngineEventKind.Started, id)).Instance!;
        Assert.Equal(("web", "shop"), (started.Name, started.Project));
        Assert.Equal(_podman.Inspect("web").GetProperty("State").GetProperty("Pid").GetInt32(), started.Pid);
        Assert.Equal(_podman.Exec("web", "readlink /proc/self/ns/net"), Command.Run(["readlink", started.NamespacePath]).Check().StandardOutput.Trim());

        _podman.Podman("pause", "web");
        await watch.NextAsync(EngineEventKind.Paused, id);
        Assert.True(Assert.Single(await engine.ListAsync(default)).IsPaused);
        _podman.Podman("unpause", "web");
        await watch.NextAsync(EngineEventKind.Unpaused, id);

        // Podman filters by the word "died" and tells it as "die": who asks for only one of them hears nothing of the end.
        _podman.Podman("restart", "--time", "0", "web");
        await watch.NextAsync(EngineEventKind.Died, id);
        Instance again = (await watch.NextAsync(EngineEventKind.Started, id)).Instance!;
        Assert.NotEqual(started.Key, again.Key);
        Assert.Equal((false, true), (engine.IsRunning(started), engine.IsRunning(again)));

        Assert.Equal(new ExecResult(3, "out\n", "oh\n"), await engine.ExecAsync(again, ["sh", "-c", "echo out; echo oh >&2; exit 3"], default));

        _podman.Podman("rm", "--force", "--time", "0", "web");
        await watch.NextAsync(EngineEventKind.Died, id);
        Assert.Empty(await engine.ListAsync(default));
        Assert.Null(await engine.FindAsync("web", default));
        End(service);
    }

    [Fact]
    public async Task Service_goes_away_and_its_containers_stay()
    {
        Process service = StartService();
        await using Engine engine = Connect();
        await using var watch = new EngineWatch(engine);
        await watch.NextAsync(EngineEventKind.Resynchronise);
        string id = _podman.Podman("run", "-d", "--network", "none", "--name", "web", "box", "sleep", "1000");
        Instance before = (await watch.NextAsync(EngineEventKind.Started, id)).Instance!;

        End(service);
        await watch.NextAsync(EngineEventKind.Lost);
        service = StartService();
        await watch.NextAsync(EngineEventKind.Resynchronise);
        Assert.Equal(before.Key, Assert.Single(await engine.ListAsync(default)).Key);
        End(service);
    }

    private Docker Connect() => new Docker("podman", _podman.PathOf("/run/podman/podman.sock"), new ProcessTable(_podman.PathOf("/proc")));

    private Process StartService()
    {
        _podman.Sh("mkdir -p /run/podman; rm -f /run/podman/podman.sock");
        Process service = _podman.Start("podman", "system", "service", "--time=0", "unix:///run/podman/podman.sock");
        Wait.Until("the service listens", () => File.Exists(_podman.PathOf("/run/podman/podman.sock")));
        return service;
    }

    private static void End(Process service)
    {
        service.Kill(entireProcessTree: true);
        service.WaitForExit();
    }
}
