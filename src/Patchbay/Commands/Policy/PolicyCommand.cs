using System.CommandLine;

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
}
