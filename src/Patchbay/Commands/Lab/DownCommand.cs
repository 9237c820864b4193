using System.CommandLine;
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
        LabCommand.SetWork(command, parsed =>
        {
            var name = arguments.ChooseName(parsed);
            var state = new LabState(name);
            var record = state.Read();
            // The process that follows the engines takes the lab away when it is asked to end.
            if (record is { Process: > 0 and var process } && state.IsHeld)
                ProcessEnd.Of([process], TimeSpan.FromSeconds(30));
            using var held = state.Lock(TimeSpan.FromSeconds(5)) ?? throw new UsageException($"another process works on the lab \"{name}\"; end it first");
            Sweep(name, state, record?.Options.OvsSocket);
            return 0;
        });
        return command;
    }

    /// <summary>To be called with the lab's lock.</summary>
    public static void Sweep(string name, LabState state, string? ovsSocket)
    {
        foreach (var stranger in LabSweep.Run(name, ovsSocket))
            Console.Error.WriteLine($"patchbay lab: {stranger} is still in a namespace of the lab, which goes when it ends");
        state.Remove();
    }
}
