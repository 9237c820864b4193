using System.CommandLine;
using Patchbay.Lab.Schema;

namespace Patchbay.Commands.Lab;

/// <summary><c>patchbay lab schema</c>: what editors check a file by.</summary>
internal static class SchemaCommand
{
    public static Command Create()
    {
        Command command = new("schema", "Prints the JSON Schema of a network, for editors.");
        LabCommand.SetWork(command, _ =>
        {
            Console.Write(EditorSchema.Text);
            return 0;
        });
        return command;
    }
}
