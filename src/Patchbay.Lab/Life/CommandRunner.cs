using Patchbay.Lab.Plan;
using Patchbay.Lab.Wiring;

namespace Patchbay.Lab.Life;

/// <summary>Runs the commands of nodes when their links are there: those of one node in their order, the nodes side by side.</summary>
internal sealed class CommandRunner(Topology topology, Places places, Action<string> log)
{
    /// <param name="isNew">The nodes whose commands are due.</param>
    /// <param name="cancellation">Ends the waiting; what was started in the background goes on.</param>
    /// <returns>How many failed.</returns>
    public async Task<int> RunAsync(Predicate<string> isNew, CancellationToken cancellation)
    {
        var nodes = topology.Commands.Where(command => isNew(command.Node)).GroupBy(command => command.Node)
            .Select(ofNode => Task.Run(() => RunNodeAsync([.. ofNode], cancellation), cancellation));
        return (await Task.WhenAll(nodes).ConfigureAwait(false)).Sum();
    }

    private async Task<int> RunNodeAsync(IReadOnlyList<LabCommand> commands, CancellationToken cancellation)
    {
        var failed = 0;
        foreach (var command in commands)
        {
            var shown = string.Join(' ', command.Words);
            try
            {
                if (!places.TryGet(command.Node, out var place))
                    continue;
                using var process = NodeCommand.Start(topology.Lab, place!.Namespace, command.Words, command.Background ? null : line => log($"{command.Node}: {line}"), command.Background);
                if (command.Background)
                    continue;
                await process.WaitForExitAsync(cancellation).ConfigureAwait(false);
                if (process.ExitCode == 0)
                    continue;
                failed++;
                log($"{command.Node}: command failed with status {process.ExitCode}: {shown}");
            }
            catch (System.ComponentModel.Win32Exception error)
            {
                failed++;
                log($"{command.Node}: command cannot be run: {shown}: {error.Message}");
            }
        }

        return failed;
    }
}
