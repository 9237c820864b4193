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

    [Fact]
    public void A_lab_in_the_user_namespace_of_podman_links_containers()
    {
        _podman.StartService();
        _podman.Sh("""
            podman run -d --network none --cap-add NET_RAW --name left box sleep 1000
            podman run -d --network none --name right box sleep 1000
            cat >lab.yaml <<'END'
            bridges: [{ bridge: lan, mode: linux }]
            links:
              - { container: left, bridge: lan, dev: eth0, ip: 10.0.1.1/24 }
              - { container: right, bridge: lan, dev: eth0, ip: 10.0.1.2/24 }
            END
            """).Check();

        // The lab's bridge lives in the namespace of its process, so it must stay.
        CommandResult shown = _podman.Sh($"""
            podman unshare unshare --net sh -c 'echo $$ >pid; exec "$@"' sh {string.Join(' ', PatchbayProgram.Line)} lab up --podman-socket {RootlessPodman.Socket} --network-file lab.yaml >log 2>&1 &
            lab=$!
            until grep -q 'All links connected' log; do kill -0 $lab 2>/dev/null || break; sleep 0.1; done
            cat log
            podman exec left ping -c 1 -W 5 10.0.1.2
            kill -INT $(cat pid)
            wait $lab || :
            # The bridge's end of the link may have gone with the lab's namespace, which the kernel removes when it comes to it.
            for n in $(seq 100); do podman exec left ip -o link >links; grep -q eth0 links || break; sleep 0.1; done
            cat links
            podman rm --force --time 0 left right
            """).Check();
        Assert.Contains("All links connected", shown.StandardOutput, StringComparison.Ordinal);
        Assert.DoesNotContain("eth0", shown.StandardOutput, StringComparison.Ordinal);
    }
}
