using System.CommandLine;

namespace Patchbay;

/// <summary>The tools for people and platforms: a command a verb, each in a file of its own below Commands.</summary>
internal static class Program
{
    private static Task<int> Main(string[] arguments)
    {
        RootCommand root = new("Networks between containers, by declaration and by policy.");
        root.Subcommands.Add(Commands.Policy.PolicyCommand.Create());
        // How long a verb may take to end well after SIGTERM or Ctrl-C.
        return root.Parse(arguments).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromSeconds(30) });
    }
}
