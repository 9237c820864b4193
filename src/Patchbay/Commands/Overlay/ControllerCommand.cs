using System.CommandLine;
using System.Data.Common;
using Patchbay.Policy.Overlay.Controller;

namespace Patchbay.Commands.Overlay;

/// <summary><c>patchbay overlay controller</c>.</summary>
internal static class ControllerCommand
{
    internal static Command Create()
    {
        var config = new Option<FileInfo?>("--config") { Description = "configuration file, JSON; docs/overlay.md has its keys" };
        var certs = new Option<DirectoryInfo?>("--certs") { Description = "directory of patchbay policy certs, in place of the keys about certificates" };
        var database = new Option<string?>("--database") { Description = "file of SQLite, in place of database.path" };
        var command = new Command("controller", "Leases each host a subnet of the overlay; ends on SIGTERM or Ctrl-C, and leases stay.") { config, certs, database };
        command.SetAction(async (result, cancel) =>
        {
            try
            {
                ControllerConfiguration configuration = result.GetValue(config) is { } file ? ControllerConfiguration.Read(file.FullName) : new ControllerConfiguration();
                if (result.GetValue(certs) is { } directory)
                {
                    configuration.CaCertFile = Path.Combine(directory.FullName, "ca.crt");
                    configuration.ServerCertFile = Path.Combine(directory.FullName, "server.crt");
                    configuration.ServerKeyFile = Path.Combine(directory.FullName, "server.key");
                }

                if (result.GetValue(database) is { } path)
                    configuration.Database = new() { Type = "sqlite", Path = path };
                await OverlayController.RunAsync(configuration, TimeProvider.System, cancel);
                return 0;
            }
            catch (Exception e) when (e is InvalidDataException or DbException or IOException or UnauthorizedAccessException)
            {
                await Console.Error.WriteLineAsync($"patchbay overlay controller: {e.Message}");
                return 1;
            }
        });
        return command;
    }
}
