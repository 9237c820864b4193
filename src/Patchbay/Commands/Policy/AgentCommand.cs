using System.CommandLine;
using Patchbay.Policy.Agent;

namespace Patchbay.Commands.Policy;

/// <summary><c>patchbay policy agent</c>.</summary>
internal static class AgentCommand
{
    internal static Command Create()
    {
        var config = new Option<FileInfo?>("--config") { Description = "configuration file, JSON; docs/policy.md has its keys" };
        var certs = new Option<DirectoryInfo?>("--certs") { Description = "directory of patchbay policy certs, in place of the keys about certificates" };
        var server = new Option<string?>("--server") { Description = "the server's internal API, in place of policy_server_url" };
        var datastore = new Option<FileInfo?>("--datastore") { Description = "the CNI wrapper's datastore, in place of cni_datastore_path" };
        var command = new Command("agent", "Enforces policies between the containers of this host; ends on SIGTERM or Ctrl-C, and what it enforced stays.") { config, certs, server, datastore };
        command.SetAction((result, cancel) => PolicyCommand.RunAsync("agent", () =>
        {
            AgentConfiguration configuration = result.GetValue(config) is { } file ? AgentConfiguration.Read(file.FullName) : new AgentConfiguration();
            if (result.GetValue(certs) is { } directory)
                UseCertificates(configuration, directory.FullName);
            if (result.GetValue(server) is { } url)
                configuration.PolicyServerUrl = url;
            if (result.GetValue(datastore) is { } path)
                configuration.CniDatastorePath = path.FullName;
            return PolicyAgent.RunAsync(configuration, TimeProvider.System, cancel);
        }));
        return command;
    }

    private static void UseCertificates(AgentConfiguration configuration, string directory)
    {
        configuration.CaCertFile = Path.Combine(directory, "ca.crt");
        configuration.ClientCertFile = Path.Combine(directory, "client.crt");
        configuration.ClientKeyFile = Path.Combine(directory, "client.key");
    }
}
