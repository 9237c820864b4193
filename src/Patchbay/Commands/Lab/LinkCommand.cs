using System.CommandLine;
using Patchbay.Lab.Plan;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Commands.Lab;

/// <summary><c>patchbay lab link up|down</c>: pulls a cable out, and puts it back.</summary>
internal static class LinkCommand
{
    public static Command Create() => new("link", "Cuts a link of a lab, and heals it.") { Create("down", "Cuts a link: the interface is set down, and the other end loses its carrier.", up: false), Create("up", "Heals a link that was cut.", up: true) };

    private static Command Create(string name, string description, bool up)
    {
        LabArguments arguments = new(withFiles: false);
        Argument<string> device = new("NODE:INTERFACE");
        Command command = new(name, description);
        command.Add(device);
        arguments.AddTo(command);
        LabCommand.SetWork(command, async (parsed, cancellation) =>
        {
            using var session = await NodeArguments.OpenAsync(arguments.Choose(parsed), cancellation).ConfigureAwait(false);
            var (found, link) = NodeArguments.FindDevice(session, parsed.GetValue(device)!);
            var batch = new NetlinkBatch();
            batch.SetLink(link.Index, new LinkSettings { Up = up });
            session.Places[found.Node].Route.Execute(batch);
            // While it is down, an interface loses its routes and its IPv6 addresses. Its impairment may be one that was set by hand.
            if (up)
                session.Apply(new LabPlan([.. session.Plan().Settings.OfType<ChangeDevice>().Where(change => change.Index == link.Index && change.Device.Node == found.Node).Select(change => change with { SetEgress = false })]));
            return 0;
        });
        return command;
    }
}
