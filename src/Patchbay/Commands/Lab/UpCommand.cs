using System.CommandLine;
using System.Net;
using Patchbay.Lab.Engines;
using Patchbay.Lab.Life;

namespace Patchbay.Commands.Lab;

/// <summary><c>patchbay lab up</c>: makes a lab, or makes one that is there as its files say now; without <c>--detach</c> it stays, and takes the lab away at the end.</summary>
internal static class UpCommand
{
    public static Command Create()
    {
        LabArguments arguments = new();
        Option<bool> detach = new("--detach", "-d") { Description = "Return when all links are there; what must follow an engine goes on in the background." };
        Option<bool> verbose = new("--verbose", "-v") { Description = "Tell each step." };
        Option<double?> timeout = new("--timeout") { Description = "Seconds to wait for containers; for ever unless told." };
        Option<string?> health = new("--health") { Description = "Answer HTTP at [ADDRESS:]PORT: 200 when all links are connected, else 503." };
        Option<string?> ready = new("--ready-file") { Description = "A file that is made when all links are connected, and removed at the end." };
        Option<bool> show = new("--show-config") { Description = "Print the configuration as one line of JSON, and do nothing." };
        Option<string?> ignored = new("--config-schema") { Description = "Accepted for conlink's sake.", Hidden = true };
        Command command = new("up", "Makes a lab, and keeps it until interrupted.");
        arguments.AddTo(command);
        foreach (Option option in (Option[])[detach, verbose, timeout, health, ready, show, ignored, Background.Option])
            command.Add(option);
        LabCommand.SetWork(command, (parsed, cancellation) =>
        {
            var chosen = arguments.Choose(parsed);
            if (parsed.GetValue(show))
            {
                Console.WriteLine(ShowCommand.Write(chosen.Config, indented: false));
                return Task.FromResult(0);
            }

            return UpAsync(
                chosen,
                new UpOptions
                {
                    Detach = parsed.GetValue(detach),
                    Verbose = parsed.GetValue(verbose) || Environment.GetEnvironmentVariable("VERBOSE") is { Length: > 0 } and not "0",
                    Timeout = parsed.GetValue(timeout) is { } seconds ? TimeSpan.FromSeconds(seconds) : null,
                    Health = parsed.GetValue(health) is not { } at ? null : HealthEndpoint.TryParse(at, out var end) ? end : throw new UsageException($"expected [ADDRESS:]PORT, found \"{at}\""),
                    ReadyFile = parsed.GetValue(ready),
                    Background = parsed.GetValue(Background.Option),
                },
                cancellation);
        });
        return command;
    }

    /// <summary>Makes the lab; the same for <c>up</c> and <c>apply</c>.</summary>
    public static async Task<int> UpAsync(ChosenLab chosen, UpOptions options, CancellationToken cancellation)
    {
        var state = new LabState(chosen.Name);
        using var session = new LabSession(chosen.Name, chosen.Config, chosen.Options);
        if (options.Detach && session.NeedsEngine)
            return await Background.StartAsync(state, cancellation).ConfigureAwait(false);
        using var held = state.Lock(TimeSpan.FromSeconds(5)) ?? throw new UsageException($"another process works on the lab \"{chosen.Name}\"; end it, or give this lab another name by --name");
        var before = state.Read() is { } known && LabSweep.Finds(chosen.Name) ? known : null;
        RefuseOther(before, chosen);
        var wasReady = File.Exists(state.ReadyFile);
        IReadOnlyList<Engine> engines = session.NeedsEngine ? EngineChoice.Open(chosen.Options) : [];
        LabStatus status = new();
        using var endpoint = options.Health is { } at ? new HealthEndpoint(chosen.Name, status, at) : null;
        var project = await EngineChoice.ProjectAsync(chosen.Options, engines, cancellation).ConfigureAwait(false);
        var lasting = chosen.Options with { Project = project };
        if (before is not null && !(before.Sources.IsSameAs(chosen.Sources) && before.Options == lasting))
            session.Former = (before.ReadFiles().Config, before.Options);
        if (options.Verbose)
            Console.WriteLine(session.Plan());
        // Those that the files still have are taken over.
        if (chosen.Config.LabContainers.Count == 0 && state.Read() is { Containers: true } earlier)
            await DownCommand.RemoveContainersAsync(chosen.Name, earlier).ConfigureAwait(false);
        state.SetReady(false);
        var record = new LabRecord
        {
            Lab = chosen.Name,
            Sources = chosen.Sources,
            Options = lasting,
            Process = options.Detach ? 0 : Environment.ProcessId,
            Containers = chosen.Config.LabContainers.Count > 0,
            Followed = options.Background,
        };
        state.Write(record);
        using var view = !options.Detach && !options.Background && LiveView.IsPossible ? new LiveView(chosen.Name, status, Console.Out) : null;
        Action<string> log = view is null ? Console.WriteLine : view.Add;
        var run = new LabRun(session, engines, project, status, log)
        {
            Connected = () =>
            {
                state.SetReady(true);
                if (options.ReadyFile is { } file)
                    File.WriteAllText(file, "");
            },
            Announced = () =>
            {
                if (options.Background)
                    Background.LetGo(state);
            },
        };
        try
        {
            await run.RunAsync(options.Timeout, cancellation).ConfigureAwait(false);
            if (run.FailedCommands > 0 && $"the lab \"{chosen.Name}\" is up, but {run.FailedCommands} of its commands failed" is var failed)
            {
                if (view is null)
                    await Console.Error.WriteLineAsync($"patchbay lab: {failed}").ConfigureAwait(false);
                else
                    view.Add(failed);
            }

            if (options.Detach)
                return run.FailedCommands > 0 ? LabCommand.Failed : 0;
            await Task.Delay(Timeout.Infinite, cancellation).ConfigureAwait(false);
            return 0;
        }
        catch (OperationCanceledException) when (options.Detach && before is not null)
        {
            await Console.Error.WriteLineAsync($"patchbay lab: interrupted; the lab \"{chosen.Name}\" stays up").ConfigureAwait(false);
            return LabCommand.Failed;
        }
        catch (OperationCanceledException)
        {
            log("Taking the lab down");
            view?.Dispose();
            await DownAsync().ConfigureAwait(false);
            return 0;
        }
        catch (TimeoutException error)
        {
            view?.Dispose();
            await DownAsync().ConfigureAwait(false);
            await Console.Error.WriteLineAsync($"patchbay lab: {error.Message}").ConfigureAwait(false);
            return LabCommand.Failed;
        }
        catch (Exception)
        {
            // It failed, and the lab is as it was: up from other files, or not at all.
            if (!LabSweep.Finds(chosen.Name))
                state.Remove();
            else if (before is not null)
            {
                state.Write(before with { Process = 0, Followed = false });
                state.SetReady(wasReady);
            }

            throw;
        }
        finally
        {
            foreach (var engine in engines)
                await engine.DisposeAsync().ConfigureAwait(false);
        }

        Task DownAsync()
        {
            if (options.ReadyFile is { } file)
                File.Delete(file);
            return DownCommand.SweepAsync(chosen.Name, state, record);
        }
    }

    // Two labs of one name would take each other's things for their own.
    private static void RefuseOther(LabRecord? before, ChosenLab chosen)
    {
        if (before is null)
            return;
        var known = before.Sources.Files.Select(file => Path.GetFullPath(file.Name)).ToHashSet(StringComparer.Ordinal);
        if (!chosen.Sources.Files.Any(file => known.Contains(Path.GetFullPath(file.Name))))
            throw new UsageException($"the lab \"{chosen.Name}\" is up already, from {string.Join(", ", known)}; take it down, or give this one another name by --name");
    }
}

/// <summary>How a lab is brought up.</summary>
internal sealed record UpOptions
{
    public bool Detach { get; init; }

    public bool Verbose { get; init; }

    public TimeSpan? Timeout { get; init; }

    public IPEndPoint? Health { get; init; }

    public string? ReadyFile { get; init; }

    /// <summary>This is the process that another <c>up --detach</c> left behind.</summary>
    public bool Background { get; init; }
}
