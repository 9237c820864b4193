using System.CommandLine;
using Patchbay.Policy.Agent;
using Patchbay.Policy.Overlay.Agent;

namespace Patchbay.Commands.Overlay;

/// <summary><c>patchbay overlay agent</c>, and <c>patchbay policy agent</c> in the same process where that is wanted.</summary>
internal static class OverlayAgentCommand
{
    internal static Command Create()
    {
        var config = new Option<FileInfo>("--config") { Description = "configuration file, JSON; docs/overlay.md has its keys", Required = true };
        var policy = new Option<FileInfo?>("--policy") { Description = "configuration file of a policy agent that is to run in the same process, in place of policy_agent_config" };
        var command = new Command("agent", "Keeps this host's lease, its VXLAN device and its ways to the other hosts; ends on SIGTERM or Ctrl-C, and all of that stays.") { config, policy };
        command.SetAction(async (result, cancel) =>
        {
            try
            {
                OverlayConfiguration overlay = OverlayConfiguration.Read(result.GetRequiredValue(config).FullName);
                string path = result.GetValue(policy)?.FullName ?? overlay.PolicyAgentConfig;
                await RunAsync(overlay, path.Length > 0 ? AgentConfiguration.Read(path) : null, cancel);
                return 0;
            }
            catch (Exception e) when (e is InvalidDataException or OverlayException or IOException or UnauthorizedAccessException)
            {
                await Console.Error.WriteLineAsync($"patchbay overlay agent: {e.Message}");
                return 1;
            }
        });
        return command;
    }

    // When one of the two ends, so does the other: an init system sees one service, which runs whole or not.
    private static async Task RunAsync(OverlayConfiguration overlay, AgentConfiguration? policy, CancellationToken cancel)
    {
        overlay.Check(); // both, before either does anything
        policy?.Check();
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        List<Task> agents = [OverlayAgent.RunAsync(overlay, TimeProvider.System, end.Token)];
        if (policy is not null)
            agents.Add(PolicyAgent.RunAsync(policy, TimeProvider.System, end.Token));
        Task first = await Task.WhenAny(agents);
        await end.CancelAsync();
        await Task.WhenAll(agents).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await first; // the reason why all ended
        await Task.WhenAll(agents);
    }
}
