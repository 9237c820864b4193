using System.CommandLine;
using Patchbay.Policy.Server;

namespace Patchbay.Commands.Policy;

/// <summary><c>patchbay policy server</c>.</summary>
internal static class ServerCommand
{
    internal static Command Create()
    {
        var config = new Option<FileInfo?>("--config") { Description = "configuration file, JSON; docs/policy-api.md has its keys" };
        var certs = new Option<DirectoryInfo?>("--certs") { Description = "directory of patchbay policy certs, in place of the keys about certificates and token_keys_file" };
        var database = new Option<string?>("--database") { Description = "file of SQLite, in place of database.path" };
        var command = new Command("server", "Keeps policies, for people over the external API and for agents over the internal one; ends on SIGTERM or Ctrl-C.") { config, certs, database };
        command.SetAction((result, cancel) => PolicyCommand.RunAsync("server", () =>
        {
            ServerConfiguration configuration = result.GetValue(config) is { } file ? ServerConfiguration.Read(file.FullName) : new ServerConfiguration();
            if (result.GetValue(certs) is { } directory)
                UseCertificates(configuration, directory.FullName);
            if (result.GetValue(database) is { } path)
                configuration.Database = new DatabaseConfiguration { Type = "sqlite", Path = path };
            return PolicyServer.RunAsync(configuration, TimeProvider.System, cancel);
        }));
        return command;
    }

    private static void UseCertificates(ServerConfiguration configuration, string directory)
    {
        configuration.CaCertFile = Path.Combine(directory, "ca.crt");
        configuration.ServerCertFile = Path.Combine(directory, "server.crt");
        configuration.ServerKeyFile = Path.Combine(directory, "server.key");
        string keys = Path.Combine(directory, "token_keys.json");
        if (configuration.UaaUrl.Length == 0 && File.Exists(keys))
            configuration.TokenKeysFile = keys;
    }
}
