using System.CommandLine;
using Patchbay.Commands.Lab;
using Patchbay.Commands.Overlay;
using Patchbay.Commands.Policy;
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
        root.Add(PolicyCommand.Create());
        root.Add(OverlayCommand.Create());
        // Under conlink's name, in an image that takes the place of conlink's, it is that program: packaging/lab-image.
        if (Path.GetFileName(Environment.GetCommandLineArgs()[0]) is "conlink" or "conlink.js")
            arguments = ["lab", "up", .. arguments];
        // To take a large lab away, or to finish what a server has begun, takes longer than the two seconds that a command has after Ctrl-C unless told.
        return root.Parse(arguments).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(1) });
    }
}
