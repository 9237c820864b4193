using System.CommandLine;
using Patchbay.Lab.Engines.Runc;

namespace Patchbay.Commands.Lab;

/// <summary><c>patchbay lab hook</c>: what runc calls, see docs/lab/runc.md.</summary>
internal static class HookCommand
{
    private const string DefaultSocket = "/run/patchbay/hooks.sock";

    public static Command Create()
    {
        var socket = new Option<string>("--socket") { Description = "Where the lab listens", DefaultValueFactory = _ => DefaultSocket };
        var optional = new Option<bool>("--optional") { Description = "Let containers start, without links, when no lab listens" };
        var command = new Command("hook", "An OCI hook (createRuntime, poststop): hands a container to the lab and waits until it is wired.") { socket, optional };
        command.SetAction(parsed =>
        {
            using var state = Console.OpenStandardInput();
            return OciHook.Run(state, parsed.GetValue(socket)!, parsed.GetValue(optional), Console.Error);
        });
        return command;
    }
}
