using System.Globalization;
using Patchbay.Lab.Engines;
using Patchbay.SystemTests.Harness;
using Dockerd = Patchbay.SystemTests.Engines.DockerEngine;

namespace Patchbay.SystemTests.Lab.Engines;

/// <summary>What a lab hears of a real Docker, and has it do; docker(1) and docker-compose(1) are the judges.</summary>
public sealed class DockerWatchTests : IClassFixture<Dockerd>, IAsyncDisposable
{
    private readonly Dockerd _daemon;
    private readonly Engine _engine;

    public DockerWatchTests(Dockerd daemon)
    {
        Dockerd.Required();
        _daemon = daemon;
        _engine = daemon.Connect();
    }

    public async ValueTask DisposeAsync()
    {
        await _engine.DisposeAsync();
        foreach (string id in _daemon.Docker("ps", "--all", "--quiet").StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries))
            _daemon.Docker("rm", "--force", id).Check();
    }

    [Fact]
    public async Task Start_pause_restart_and_end()
    {
        await using var watch = new EngineWatch(_engine);
        await watch.NextAsync(EngineEventKind.Resynchronise);
        string id = Run("--name", "web", "--label", "colour=blue", "busybox", "sleep", "1000");

        Instance started = (await watch.NextAsync(EngineEventKind.Started, id)).Instance!;
        Assert.Equal(("web", 1, null, null), (started.Name, started.Index, started.Project, started.Service));
        Assert.Equal("blue", started.Labels["colour"]);
        Assert.Equal(Inspect("web", "{{.State.Pid}}"), started.Pid.ToString(CultureInfo.InvariantCulture));
        AssertNamespace("web", started);
        Assert.True(_engine.IsRunning(started));

        _daemon.Docker("pause", "web").Check();
        await watch.NextAsync(EngineEventKind.Paused, id);
        Assert.True(Assert.Single(await _engine.ListAsync(default)).IsPaused);
        _daemon.Docker("unpause", "web").Check();
        await watch.NextAsync(EngineEventKind.Unpaused, id);

        _daemon.Docker("restart", "--time", "0", "web").Check();
        await watch.NextAsync(EngineEventKind.Died, id);
        Instance again = (await watch.NextAsync(EngineEventKind.Started, id)).Instance!;
        Assert.Equal(id, again.Id);
        Assert.NotEqual(started.Key, again.Key);
        Assert.Equal((false, true), (_engine.IsRunning(started), _engine.IsRunning(again)));
        AssertNamespace("web", again);

        Assert.Equal(again.Key, (await _engine.FindAsync("web", default))!.Key);
        Assert.Equal(again.Key, (await _engine.FindAsync(id, default))!.Key);
        Assert.Null(await _engine.FindAsync(id[..12], default)); // a part of a name is none
        Assert.Null(await _engine.FindAsync("../web", default));

        _daemon.Docker("rm", "--force", "web").Check();
        await watch.NextAsync(EngineEventKind.Died, id);
        Assert.False(_engine.IsRunning(again));
        Assert.Empty(await _engine.ListAsync(default));
        Assert.Null(await _engine.FindAsync("web", default));
    }

    [Fact]
    public async Task Commands_run_as_by_docker_exec()
    {
        Run("--name", "web", "--env", "COLOUR=blue", "--workdir", "/etc", "busybox", "sleep", "1000");
        Instance web = (await _engine.FindAsync("web", default))!;

        Assert.Equal(new ExecResult(3, "blue\n/etc\n", "oh\n"), await _engine.ExecAsync(web, ["sh", "-c", "echo $COLOUR; pwd; echo oh >&2; exit 3"], default));
        ExecResult much = await _engine.ExecAsync(web, ["sh", "-c", "i=0; while [ $i -lt 20000 ]; do echo a line of some length; i=$((i+1)); done"], default);
        Assert.Equal((0, 20000 * 22), (much.ExitCode, much.StandardOutput.Length));

        // Which of the two, and with which words, is the engine's matter and differs from version to version.
        string complaint;
        try
        {
            ExecResult missing = await _engine.ExecAsync(web, ["no-such-program"], default);
            Assert.NotEqual(0, missing.ExitCode);
            complaint = missing.StandardOutput + missing.StandardError;
        }
        catch (EngineException refused)
        {
            complaint = refused.Message;
        }

        Assert.Contains("no-such-program", complaint, StringComparison.Ordinal);
        _daemon.Docker("kill", "web").Check();
        Assert.Contains("docker at ", (await Assert.ThrowsAsync<EngineException>(() => _engine.ExecAsync(web, ["true"], default))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Services_of_docker_compose_and_their_replicas()
    {
        Needs.Program("docker-compose");
        string project = Directory.CreateDirectory(Path.Combine(_daemon.Host.Directory, "shop")).FullName;
        File.WriteAllText(Path.Combine(project, "docker-compose.yml"), """
            version: "3"
            services:
              node: { image: busybox, network_mode: none, command: sleep 1000, stop_signal: SIGKILL }
            """);
        CommandResult Compose(params string[] arguments) => _daemon.Host.Run(["docker-compose", "--project-directory", project, "--file", $"{project}/docker-compose.yml", .. arguments], null, _daemon.Variables);
        await using var watch = new EngineWatch(_engine);
        await watch.NextAsync(EngineEventKind.Resynchronise);

        Compose("up", "--detach", "--scale", "node=2").Check();
        await watch.NextAsync(EngineEventKind.Started);
        await watch.NextAsync(EngineEventKind.Started);
        IReadOnlyList<Instance> both = await _engine.ListAsync(default);
        Assert.Equal(["shop node 1", "shop node 2"], both.Select(each => $"{each.Project} {each.Service} {each.Index}").Order());
        Assert.All(both, each => Assert.Equal(project, each.WorkingDirectory));

        Compose("up", "--detach", "--scale", "node=1").Check();
        EngineEvent died = await watch.NextAsync(EngineEventKind.Died);
        Assert.Equal(both.Single(each => each.Index == 2).Id, died.Id);
        Compose("down").Check();
        await watch.NextAsync(EngineEventKind.Died, both.Single(each => each.Index == 1).Id);
    }

    private string Run(params string[] arguments) => _daemon.Docker(["run", "--detach", "--network", "none", .. arguments]).Check().StandardOutput.Trim();

    private string Inspect(string container, string format) => _daemon.Docker("inspect", "--format", format, container).Check().StandardOutput.Trim();

    // By readlink(1) inside and outside: net:[4026532281]
    private void AssertNamespace(string container, Instance instance)
    {
        string inside = _daemon.Docker("exec", container, "busybox", "readlink", "/proc/self/ns/net").Check().StandardOutput.Trim();
        Assert.StartsWith("net:[", inside, StringComparison.Ordinal);
        Assert.Equal(inside, Command.Run(["readlink", instance.NamespacePath]).Check().StandardOutput.Trim());
    }
}
