using System.CommandLine;
using Patchbay.Lab.Engines;
using Patchbay.Lab.Ovs;
using Patchbay.Lab.Plan;
using Patchbay.Lab.Schema;
using Patchbay.Lab.Wiring;
using Patchbay.Netlink;

namespace Patchbay.Commands.Lab;

/// <summary><c>patchbay lab</c>: networks between containers and namespaces, by declaration.</summary>
internal static class LabCommand
{
    /// <summary>Something failed.</summary>
    public const int Failed = 1;

    /// <summary>The command line, or a file, is not as it should be.</summary>
    public const int Usage = 2;

    public static Command Create()
    {
        Command lab = new("lab", "Networks between containers and namespaces, by declaration.");
        lab.Add(UpCommand.Create());
        lab.Add(DownCommand.Create());
        lab.Add(PlanCommand.Create());
        lab.Add(ApplyCommand.Create());
        lab.Add(ValidateCommand.Create());
        lab.Add(ShowCommand.Create());
        lab.Add(InspectCommand.Create());
        lab.Add(WaitCommand.Create());
        lab.Add(ExecCommand.Create());
        lab.Add(NetemCommand.Create());
        lab.Add(LinkCommand.Create());
        lab.Add(DoctorCommand.Create());
        lab.Add(GraphCommand.Create());
        lab.Add(SchemaCommand.Create());
        lab.Add(HookCommand.Create());
        return lab;
    }

    /// <summary>Gives a verb its work, and turns what goes wrong into a message and an exit status.</summary>
    public static void SetWork(Command command, Func<ParseResult, CancellationToken, Task<int>> work) =>
        command.SetAction(async (parsed, cancellation) =>
        {
            // Signals are handled from the moment on when this first waits for something: not only when the lab is half made.
            await Task.Yield();
            try
            {
                return await work(parsed, cancellation).ConfigureAwait(false);
            }
            catch (UsageException error)
            {
                return Tell(error.Message, Usage);
            }
            catch (LabFileException error)
            {
                foreach (var problem in error.Problems)
                    await Console.Error.WriteLineAsync($"{problem}").ConfigureAwait(false);
                return Usage;
            }
            catch (Exception error) when (error is PlanException or MissingFeatureException)
            {
                return Tell(error.Message, Failed);
            }
            catch (Exception error) when (error is NetlinkException or IOException or UnauthorizedAccessException or OvsdbException or EngineException or System.Net.Sockets.SocketException)
            {
                return Tell(error.Message, Failed);
            }
            catch (AggregateException error)
            {
                foreach (var each in error.Flatten().InnerExceptions)
                    Tell(each.Message, Failed);
                return Failed;
            }
        });

    public static void SetWork(Command command, Func<ParseResult, int> work) => SetWork(command, (parsed, _) => Task.FromResult(work(parsed)));

    private static int Tell(string message, int status)
    {
        Console.Error.WriteLine($"patchbay lab: {message}");
        return status;
    }
}
