using System.CommandLine;
using Patchbay.Lab.Life;
using Patchbay.Lab.Plan;

namespace Patchbay.Commands.Lab;

/// <summary><c>patchbay lab up</c>: makes a lab, or makes one that is there as its files say now.</summary>
internal static class UpCommand
{
    public static Command Create()
    {
        LabArguments arguments = new();
        Option<bool> detach = new("--detach", "-d") { Description = "Return when all links are there." };
        Option<bool> verbose = new("--verbose", "-v") { Description = "Tell each step." };
        Command command = new("up", "Makes a lab, and keeps it until interrupted.");
        arguments.AddTo(command);
        command.Add(detach);
        command.Add(verbose);
        LabCommand.SetWork(command, (parsed, cancellation) => UpAsync(arguments.Choose(parsed), parsed.GetValue(detach), parsed.GetValue(verbose), cancellation));
        return command;
    }

    private static async Task<int> UpAsync(ChosenLab chosen, bool detach, bool verbose, CancellationToken cancellation)
    {
        var state = new LabState(chosen.Name);
        using var session = new LabSession(chosen.Name, chosen.Config, chosen.Options);
        using var held = state.Lock(TimeSpan.FromSeconds(5)) ?? throw new UsageException($"another process works on the lab \"{chosen.Name}\"; end it, or give this lab another name by --name");
        RefuseOther(state, chosen);
        var plan = session.Plan();
        if (verbose)
            Console.WriteLine(plan);
        session.Apply(plan);
        state.Write(new LabRecord { Lab = chosen.Name, Sources = chosen.Sources, Options = chosen.Options });
        Console.WriteLine("All links connected");
        var made = plan.Structure.OfType<AddNode>().Select(change => change.Node.Name).ToHashSet(StringComparer.Ordinal);
        var failed = await new CommandRunner(session.Topology, session.Places, Console.WriteLine).RunAsync(made.Contains, cancellation).ConfigureAwait(false);
        state.SetReady(true);
        Console.WriteLine("Reached healthy state");
        if (failed > 0)
            await Console.Error.WriteLineAsync($"patchbay lab: the lab \"{chosen.Name}\" is up, but {failed} of its commands failed").ConfigureAwait(false);
        if (detach)
            return failed > 0 ? LabCommand.Failed : 0;
        try
        {
            await Task.Delay(Timeout.Infinite, cancellation).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            Console.WriteLine("Taking the lab down");
        }

        DownCommand.Down(chosen.Name, state);
        return 0;
    }

    // Two labs of one name would take each other's things for their own.
    private static void RefuseOther(LabState state, ChosenLab chosen)
    {
        if (state.Read() is not { } before || !LabSweep.Finds(chosen.Name))
            return;
        var known = before.Sources.Files.Select(file => file.Name).ToHashSet(StringComparer.Ordinal);
        if (!chosen.Sources.Files.Any(file => known.Contains(file.Name)))
            throw new UsageException($"the lab \"{chosen.Name}\" is up already, from {string.Join(", ", known)}; take it down, or give this one another name by --name");
    }
}
