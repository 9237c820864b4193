using Patchbay.Lab.Engines;
using Patchbay.Lab.Plan;
using Patchbay.Lab.Wiring;

namespace Patchbay.Lab.Life;

/// <summary>Runs the commands of nodes when their links are there: those of one node in their order, the nodes side by side.</summary>
internal sealed class CommandRunner(Topology topology, Places places, ContainerSet containers, Action<string> log)
{
    /// <param name="isDue">The nodes whose commands are due.</param>
    /// <param name="cancellation">Ends the waiting; what was started in the background goes on.</param>
    /// <returns>How many failed.</returns>
    public async Task<int> RunAsync(Predicate<string> isDue, CancellationToken cancellation)
    {
        var nodes = topology.Commands.Where(command => isDue(command.Node)).GroupBy(command => command.Node)
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
                var status = containers.Find(command.Node) is { } container
                    ? await ExecAsync(container.Engine, container.Instance, command, cancellation).ConfigureAwait(false)
                    : await StartAsync(command, cancellation).ConfigureAwait(false);
                if (status == 0)
                    continue;
                failed++;
                log($"{command.Node}: command failed with status {status}: {shown}");
            }
            catch (Exception error) when (error is System.ComponentModel.Win32Exception or EngineException)
            {
                failed++;
                log($"{command.Node}: command cannot be run: {shown}: {error.Message}");
            }
        }

        return failed;
    }

    private async Task<int> ExecAsync(Engine engine, Instance instance, LabCommand command, CancellationToken cancellation)
    {
        // What stays has no output: the call to the engine would last as long as the output does.
        IReadOnlyList<string> words = command.Background ? ["sh", "-c", "\"$@\" </dev/null >/dev/null 2>&1 &", "sh", .. command.Words] : command.Words;
        var result = await engine.ExecAsync(instance, words, cancellation).ConfigureAwait(false);
        foreach (var line in $"{result.StandardOutput}{result.StandardError}".Split('\n', StringSplitOptions.RemoveEmptyEntries))
            log($"{command.Node}: {line.TrimEnd('\r')}");
        return result.ExitCode;
    }

    private async Task<int> StartAsync(LabCommand command, CancellationToken cancellation)
    {
        if (!places.TryGet(command.Node, out var place))
            return 0;
        using var process = NodeCommand.Start(topology.Lab, place!.Namespace, command.Words, command.Background ? null : line => log($"{command.Node}: {line}"), command.Background);
        if (command.Background)
            return 0;
        await process.WaitForExitAsync(cancellation).ConfigureAwait(false);
        return process.ExitCode;
    }
}
