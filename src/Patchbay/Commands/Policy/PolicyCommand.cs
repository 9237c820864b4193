using System.CommandLine;
using System.Data.Common;
using Patchbay.Netlink;

namespace Patchbay.Commands.Policy;

/// <summary><c>patchbay policy</c>: which app may talk to which.</summary>
internal static class PolicyCommand
{
    internal static Command Create() => new("policy", "Which app may open connections to which: the server that keeps the policies, the agent that enforces them on a host, and what they need.")
    {
        ServerCommand.Create(),
        AgentCommand.Create(),
        ExplainCommand.Create(),
        ShowCommand.Create(),
        CertsCommand.Create(),
        TokenCommand.Create(),
    };

    /// <summary>Runs a command; what is wrong with its files, the database or the kernel is told in a line.</summary>
    internal static async Task<int> RunAsync(string name, Func<Task> work)
    {
        try
        {
            await work();
            return 0;
        }
        catch (Exception e) when (e is InvalidDataException or DbException or NetlinkException or IOException or UnauthorizedAccessException)
        {
            await Console.Error.WriteLineAsync($"patchbay policy {name}: {e.Message}");
            return 1;
        }
    }
}
