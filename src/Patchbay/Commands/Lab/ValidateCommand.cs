using System.CommandLine;
using Patchbay.Lab.Plan;

namespace Patchbay.Commands.Lab;

/// <summary><c>patchbay lab validate</c>: reads the files and works everything out that can be without a look at the machine.</summary>
internal static class ValidateCommand
{
    public static Command Create()
    {
        LabArguments arguments = new();
        Command command = new("validate", "Checks the files of a lab; every mistake is told with file, line and column.");
        arguments.AddTo(command);
        LabCommand.SetWork(command, parsed =>
        {
            var chosen = arguments.Choose(parsed);
            TopologyBuilder.Build(chosen.Config, new TopologyOptions { Lab = chosen.Name, DefaultMtu = chosen.Options.DefaultMtu, DefaultBridgeMode = chosen.Options.DefaultBridgeMode }, Expected.Containers(chosen.Config));
            Console.WriteLine($"The files of the lab \"{chosen.Name}\" are good.");
            return 0;
        });
        return command;
    }
}
