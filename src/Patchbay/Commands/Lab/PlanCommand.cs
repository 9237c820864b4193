using System.CommandLine;

namespace Patchbay.Commands.Lab;

/// <summary><c>patchbay lab plan</c>: what <c>up</c> would change.</summary>
internal static class PlanCommand
{
    /// <summary>There is something to change.</summary>
    private const int Changes = 3;

    public static Command Create()
    {
        LabArguments arguments = new();
        Command command = new("plan", $"Tells what \"up\" would change. Exit status 0: nothing; {Changes}: what is printed.");
        arguments.AddTo(command);
        LabCommand.SetWork(command, async (parsed, cancellation) =>
        {
            var chosen = arguments.Choose(parsed);
            using var session = await NodeArguments.OpenAsync(chosen, cancellation).ConfigureAwait(false);
            foreach (var missing in session.Topology.Missing)
                await Console.Error.WriteLineAsync($"patchbay lab: {missing} does not run; its links are not in the plan").ConfigureAwait(false);
            var plan = session.Plan();
            if (plan.IsEmpty)
            {
                Console.WriteLine($"The lab \"{chosen.Name}\" is as it should be.");
                return 0;
            }

            Console.WriteLine(plan);
            return Changes;
        });
        return command;
    }
}
