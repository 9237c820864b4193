using System.CommandLine;
using Patchbay.Commands.Lab;
using Patchbay.Lab.Life;

namespace Patchbay;

/// <summary>The tools for people and platforms: a command a verb, each in a file of its own below Commands.</summary>
internal static class Program
{
    private static Task<int> Main(string[] arguments)
    {
        // Before anything else: it is to be small, and to do nothing.
        if (arguments is [HostProcesses.Verb, _])
            return Task.FromResult(HostProcesses.Stay());
        RootCommand root = new("Networks between containers, by declaration and by policy.");
        root.Add(LabCommand.Create());
        return root.Parse(arguments).InvokeAsync();
    }
}
