using System.CommandLine;
using Patchbay.Lab.Engines;
using Patchbay.Lab.Life;
using Patchbay.Lab.Wiring;

namespace Patchbay.Commands.Lab;

/// <summary><c>patchbay lab down</c>: takes away everything that has the lab's mark.</summary>
internal static class DownCommand
{
    public static Command Create()
    {
        LabArguments arguments = new();
        Command command = new("down", "Takes a lab away, whatever was left of it; nothing of anybody else's is touched.");
        arguments.AddTo(command);
        LabCommand.SetWork(command, async (parsed, _) =>
        {
            var name = arguments.ChooseName(parsed);
            var state = new LabState(name);
            var record = state.Read();
            // The process that follows the engines takes the lab away when it is asked to end.
            if (record is { Process: > 0 and var process } && state.IsHeld)
                ProcessEnd.Of([process], TimeSpan.FromSeconds(30));
            using var held = state.Lock(TimeSpan.FromSeconds(5)) ?? throw new UsageException($"another process works on the lab \"{name}\"; end it first");
            await SweepAsync(name, state, record).ConfigureAwait(false);
            return 0;
        });
        return command;
    }

    /// <summary>To be called with the lab's lock.</summary>
    /// <param name="name">The lab.</param>
    /// <param name="state">Its directory, which goes as well.</param>
    /// <param name="record">What it was told; null when nobody knows any more.</param>
    public static async Task SweepAsync(string name, LabState state, LabRecord? record)
    {
        foreach (var stranger in LabSweep.Run(name, record?.Options.OvsSocket))
            await Console.Error.WriteLineAsync($"patchbay lab: {stranger} is still in a namespace of the lab, which goes when it ends").ConfigureAwait(false);
        if (record is null or { Containers: true })
            await RemoveContainersAsync(name, record).ConfigureAwait(false);
        state.Remove();
    }

    /// <summary>Removes the containers that an engine runs for a lab.</summary>
    public static async Task RemoveContainersAsync(string name, LabRecord? record)
    {
        IReadOnlyList<Engine> engines = [];
        try
        {
            engines = EngineChoice.Open(record?.Options ?? new LabOptions());
            await LabContainers.RemoveAsync(name, engines).ConfigureAwait(false);
        }
        catch (EngineException) when (record is null)
        {
            return; // no engine that answers, and nothing says that the lab needed one
        }
        finally
        {
            foreach (var engine in engines)
                await engine.DisposeAsync().ConfigureAwait(false);
        }
    }
}
