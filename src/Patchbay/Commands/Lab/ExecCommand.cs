using System.CommandLine;
using Patchbay.Lab.Life;
using Patchbay.Netlink;

namespace Patchbay.Commands.Lab;

/// <summary><c>patchbay lab exec</c>: a program of this machine in the network of a node.</summary>
internal static class ExecCommand
{
    public static Command Create()
    {
        LabArguments arguments = new(withFiles: false);
        Argument<string> node = new("NODE") { Description = "A node or a container of the lab." };
        Argument<string[]> words = new("COMMAND") { Description = "The program and its arguments, after --.", Arity = ArgumentArity.OneOrMore };
        Command command = new("exec", "Runs a program of this machine in the network of a node, in place of this process.");
        command.Add(node);
        command.Add(words);
        arguments.AddTo(command);
        LabCommand.SetWork(command, async (parsed, cancellation) =>
        {
            var chosen = arguments.Choose(parsed);
            using var session = await NodeArguments.OpenAsync(chosen, cancellation).ConfigureAwait(false);
            var found = NodeArguments.FindNode(session, parsed.GetValue(node)!);
            using var place = NetworkNamespace.Open(found.Path);
            return NodeProgram.Become(chosen.Name, place, parsed.GetValue(words)!);
        });
        return command;
    }
}
