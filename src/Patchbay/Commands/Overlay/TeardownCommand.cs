using System.CommandLine;
using Patchbay.Policy.Overlay.Agent;

namespace Patchbay.Commands.Overlay;

/// <summary><c>patchbay overlay teardown</c>.</summary>
internal static class TeardownCommand
{
    internal static Command Create()
    {
        var config = new Option<FileInfo>("--config") { Description = "the agent's configuration file", Required = true };
        var wait = new Option<bool>("--wait") { Description = "wait until the datastore has no containers any more, as a drain script must" };
        var force = new Option<bool>("--force") { Description = "whatever containers there are" };
        var command = new Command("teardown", "Takes this host out of the overlay, once its agent has ended: gives the lease back, deletes the device and subnet.env. Refused while the host has containers.") { config, wait, force };
        command.SetAction(async (result, cancel) =>
        {
            try
            {
                OverlayConfiguration configuration = OverlayConfiguration.Read(result.GetRequiredValue(config).FullName);
                await Teardown.RunAsync(configuration, result.GetValue(wait), result.GetValue(force), TimeProvider.System, cancel);
                return 0;
            }
            catch (OperationCanceledException)
            {
                await Console.Error.WriteLineAsync("patchbay overlay teardown: interrupted; nothing was taken away");
                return 1;
            }
            catch (Exception e) when (e is InvalidDataException or OverlayException or AggregateException or IOException or UnauthorizedAccessException)
            {
                await Console.Error.WriteLineAsync($"patchbay overlay teardown: {e.Message}");
                return 1;
            }
        });
        return command;
    }
}
