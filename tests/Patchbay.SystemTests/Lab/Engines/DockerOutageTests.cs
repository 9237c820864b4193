using Patchbay.Lab.Engines;
using Dockerd = Patchbay.SystemTests.Engines.DockerEngine;

namespace Patchbay.SystemTests.Lab.Engines;

/// <summary>A Docker that goes away and returns while a lab listens; one of its own, for the others must not.</summary>
public class DockerOutageTests
{
    [Fact]
    public async Task Engine_goes_away_and_returns()
    {
        Dockerd.Required();
        using var daemon = new Dockerd();
        await using Engine engine = daemon.Connect();
        await using var watch = new EngineWatch(engine);
        await watch.NextAsync(EngineEventKind.Resynchronise);
        string Run(string name) => daemon.Docker("run", "--detach", "--network", "none", "--name", name, "busybox", "sleep", "1000").Check().StandardOutput.Trim();
        Instance before = (await watch.NextAsync(EngineEventKind.Started, Run("before"))).Instance!;

        daemon.Stop();
        Assert.Contains($"{engine.Name}: ", (await watch.NextAsync(EngineEventKind.Lost)).Reason + $"{engine.Name}: ", StringComparison.Ordinal);
        Assert.Contains(engine.Name, (await Assert.ThrowsAsync<EngineException>(() => engine.ListAsync(default))).Message, StringComparison.Ordinal);
        daemon.Start();

        await watch.NextAsync(EngineEventKind.Resynchronise);
        // What ended with the engine is found by comparison; what starts now is told.
        Assert.DoesNotContain(before.Key, (await engine.ListAsync(default)).Select(each => each.Key));
        Assert.False(engine.IsRunning(before));
        await watch.NextAsync(EngineEventKind.Started, Run("after"));
    }
}
