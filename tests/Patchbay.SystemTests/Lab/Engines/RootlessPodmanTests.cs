using Patchbay.Lab.Engines;
using Patchbay.SystemTests.Harness;
using Docker = Patchbay.Lab.Engines.Docker.DockerEngine;

namespace Patchbay.SystemTests.Lab.Engines;

/// <summary>A lab for the containers of somebody who is not root.</summary>
public sealed class RootlessPodmanTests : IDisposable
{
    private readonly RootlessPodman _podman = new();

    public void Dispose() => _podman.Dispose();

    [Fact]
    public async Task Containers_are_heard_of_and_their_namespaces_found()
    {
        _podman.StartService();
        await using Engine engine = new Docker("podman", _podman.PathOf(RootlessPodman.Socket), new ProcessTable(_podman.PathOf("/proc")));
        await using var watch = new EngineWatch(engine);
        await watch.NextAsync(EngineEventKind.Resynchronise);
        string id = _podman.Sh("podman run -d --network none --name web box sleep 1000").Check().StandardOutput.Trim();
        Instance started = (await watch.NextAsync(EngineEventKind.Started, id)).Instance!;
        Assert.Equal(_podman.Sh("podman exec web readlink /proc/self/ns/net").Check().StandardOutput, Command.Run(["readlink", started.NamespacePath]).Check().StandardOutput);
        Assert.Equal(new ExecResult(3, "out\n", ""), await engine.ExecAsync(started, ["sh", "-c", "echo out; exit 3"], default));
        _podman.Sh("podman rm --force --time 0 web").Check();
        await watch.NextAsync(EngineEventKind.Died, id);
    }
}
