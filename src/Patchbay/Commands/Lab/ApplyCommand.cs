using System.CommandLine;
using Patchbay.Lab.Life;
using Patchbay.Lab.Wiring;

namespace Patchbay.Commands.Lab;

/// <summary><c>patchbay lab apply</c>: a lab that is up becomes what its files say now; links that are the same in both stay untouched.</summary>
internal static class ApplyCommand
{
    public static Command Create()
    {
        LabArguments arguments = new();
        Command command = new("apply", "Changes a lab that is up to what its files say now; what is the same stays untouched.");
        arguments.AddTo(command);
        LabCommand.SetWork(command, async (parsed, cancellation) =>
        {
            var chosen = arguments.Choose(parsed);
            var state = new LabState(chosen.Name);
            if (state.Read() is not { } record)
                throw new UsageException($"the lab \"{chosen.Name}\" is not up; \"up\" makes it");
            if (!state.IsHeld)
                return await UpCommand.UpAsync(chosen, new UpOptions { Detach = true }, cancellation).ConfigureAwait(false);
            // The next process adopts what this one made; it must not take the lab away before.
            if (!record.Followed)
                throw new UsageException($"the lab \"{chosen.Name}\" is kept by process {record.Process} in the foreground; end that, or begin it with \"up --detach\"");
            ProcessEnd.Of([record.Process], TimeSpan.Zero, force: true);
            var status = await UpCommand.UpAsync(chosen, new UpOptions { Detach = true }, cancellation).ConfigureAwait(false);
            // It failed, and the lab is as it was: somebody has to follow the engines for it again.
            if (status != 0 && !state.IsHeld && state.Read() is not null)
                await Background.StartAsync(state, ["lab", "up", chosen.Name], cancellation).ConfigureAwait(false);
            return status;
        });
        return command;
    }
}
