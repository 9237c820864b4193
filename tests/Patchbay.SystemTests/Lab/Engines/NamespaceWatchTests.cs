using Patchbay.Lab.Engines;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Lab.Engines;

/// <summary>Namespaces that ip(8) names and forgets, as a lab hears of them.</summary>
public class NamespaceWatchTests
{
    [Fact]
    public async Task Names_come_and_go()
    {
        using TestHost host = TestHost.Create();
        string name = $"{host.Name}-x"; // other tests' namespaces come and go as well
        await using var engine = new NamespaceEngine();
        await using var watch = new EngineWatch(engine);
        await watch.NextAsync(EngineEventKind.Resynchronise);

        Command.Run(["ip", "netns", "add", name]).Check();
        Instance first = (await watch.NextAsync(EngineEventKind.Started, name)).Instance!;
        Assert.Equal(($"/run/netns/{name}", true), (first.NamespacePath, engine.IsRunning(first)));
        Assert.Equal(first.Key, (await engine.FindAsync(name, default))!.Key);
        Assert.Contains(first.Key, (await engine.ListAsync(default)).Select(each => each.Key));

        string inside = (await engine.ExecAsync(first, ["sh", "-c", "readlink /proc/self/ns/net; echo oh >&2; exit 3"], default)) is { ExitCode: 3, StandardError: "oh\n" } result ? result.StandardOutput : "";
        Assert.Equal(Command.Run(["ip", "netns", "exec", name, "readlink", "/proc/self/ns/net"]).Check().StandardOutput, inside);
        Assert.Contains("no-such-program", (await Assert.ThrowsAsync<EngineException>(() => engine.ExecAsync(first, ["no-such-program"], default))).Message, StringComparison.Ordinal);

        Command.Run(["ip", "netns", "del", name]).Check();
        await watch.NextAsync(EngineEventKind.Died, name);
        Assert.False(engine.IsRunning(first));
        Command.Run(["ip", "netns", "add", name]).Check();
        Instance second = (await watch.NextAsync(EngineEventKind.Started, name)).Instance!;
        Assert.False(engine.IsRunning(first));
        Assert.True(engine.IsRunning(second));
        Command.Run(["ip", "netns", "del", name]).Check();
        await watch.NextAsync(EngineEventKind.Died, name);
        Assert.Null(await engine.FindAsync(name, default));
    }

    [Fact]
    public async Task Without_the_directory_it_is_waited_for()
    {
        using TestHost host = TestHost.Create();
        string directory = Path.Combine(host.Directory, "names");
        await using var engine = new NamespaceEngine(directory);
        await using var watch = new EngineWatch(engine);
        Assert.Contains(directory, (await watch.NextAsync(EngineEventKind.Lost)).Reason, StringComparison.Ordinal);
        Directory.CreateDirectory(directory);
        await watch.NextAsync(EngineEventKind.Resynchronise);
        Assert.Empty(await engine.ListAsync(default));
    }
}
