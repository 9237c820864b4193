using System.CommandLine;
using Patchbay.Netlink;
using Patchbay.Policy.Agent.Report;

namespace Patchbay.Commands.Policy;

/// <summary><c>patchbay policy show</c>.</summary>
internal static class ShowCommand
{
    internal static Command Create()
    {
        var names = new ContainerNames();
        var json = new Option<bool>("--json") { Description = "as JSON" };
        var command = new Command("show", "Lists what this host's kernel enforces: containers with their tags, and what they may be reached by.") { json, names.Config, names.Datastore };
        command.SetAction(async (result, cancel) =>
        {
            try
            {
                var containers = await names.ReadAsync(result, cancel);
                EnforcedState state = EnforcedState.Read();
                if (result.GetValue(json))
                {
                    await using Stream output = Console.OpenStandardOutput();
                    await output.WriteAsync(EnforcedReport.Json(state, containers), cancel);
                    await output.WriteAsync("\n"u8.ToArray(), cancel);
                }
                else
                {
                    await Console.Out.WriteAsync(EnforcedReport.Text(state, containers));
                }

                return 0;
            }
            catch (Exception e) when (e is InvalidDataException or NetlinkException or IOException or UnauthorizedAccessException)
            {
                await Console.Error.WriteLineAsync($"patchbay policy show: {e.Message}");
                return 1;
            }
        });
        return command;
    }
}
