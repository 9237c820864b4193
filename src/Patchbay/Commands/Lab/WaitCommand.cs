using System.CommandLine;
using Patchbay.Lab.Life;

namespace Patchbay.Commands.Lab;

/// <summary><c>patchbay lab wait</c>: returns when all links of a lab are connected.</summary>
internal static class WaitCommand
{
    public static Command Create()
    {
        LabArguments arguments = new();
        Option<double?> timeout = new("--timeout") { Description = "Seconds to wait; for ever unless told." };
        Command command = new("wait", "Waits until all links of a lab are connected.");
        arguments.AddTo(command);
        command.Add(timeout);
        LabCommand.SetWork(command, async (parsed, cancellation) =>
        {
            var name = arguments.ChooseName(parsed);
            var limit = parsed.GetValue(timeout) is { } seconds ? TimeSpan.FromSeconds(seconds) : Timeout.InfiniteTimeSpan;
            if (await ReadyAsync(new LabState(name), limit, cancellation).ConfigureAwait(false))
                return 0;
            await Console.Error.WriteLineAsync($"patchbay lab: the lab \"{name}\" is not connected after {limit.TotalSeconds} s").ConfigureAwait(false);
            return LabCommand.Failed;
        });
        return command;
    }

    private static async Task<bool> ReadyAsync(LabState state, TimeSpan limit, CancellationToken cancellation)
    {
        // Watched before it is looked for, so that it cannot appear in between.
        Directory.CreateDirectory(state.Directory);
        using var watcher = new FileSystemWatcher(state.Directory, Path.GetFileName(state.ReadyFile)) { NotifyFilter = NotifyFilters.FileName };
        TaskCompletionSource made = new(TaskCreationOptions.RunContinuationsAsynchronously);
        watcher.Created += (_, _) => made.TrySetResult();
        watcher.EnableRaisingEvents = true;
        if (File.Exists(state.ReadyFile))
            return true;
        try
        {
            await made.Task.WaitAsync(limit, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }
}
