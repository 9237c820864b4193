using System.CommandLine;
using Patchbay.Lab.Life;
using Patchbay.Lab.Plan;
using Patchbay.Lab.Wiring;
using Patchbay.Netlink;

namespace Patchbay.Commands.Lab;

/// <summary><c>patchbay lab netem set|show|reset</c>: impairments of a lab that is up.</summary>
internal static class NetemCommand
{
    public static Command Create() => new("netem", "Shows and changes how bad the links of a lab are.") { CreateSet(), CreateShow(), CreateReset() };

    private static Command CreateSet()
    {
        LabArguments arguments = new(withFiles: false);
        Argument<string> device = new("NODE:INTERFACE");
        Argument<string[]> words = new("IMPAIRMENT") { Description = "As tc-netem(8) says it: delay 10ms 2ms loss 1% rate 10mbit. It replaces what was there.", Arity = ArgumentArity.OneOrMore };
        Command command = new("set", "Makes what a node sends bad until the next \"apply\", or \"reset\".");
        command.Add(device);
        command.Add(words);
        arguments.AddTo(command);
        LabCommand.SetWork(command, async (parsed, cancellation) =>
        {
            if (NetemReader.TryParse(string.Join(' ', parsed.GetValue(words)!), out var impairment) is { } wrong)
                throw new UsageException(wrong);
            using var session = await NodeArguments.OpenAsync(arguments.Choose(parsed), cancellation).ConfigureAwait(false);
            Set(session, parsed.GetValue(device)!, impairment);
            return 0;
        });
        return command;
    }

    private static Command CreateReset()
    {
        LabArguments arguments = new(withFiles: false);
        Argument<string> device = new("NODE:INTERFACE");
        Command command = new("reset", "Puts back what the lab's files say.");
        command.Add(device);
        arguments.AddTo(command);
        LabCommand.SetWork(command, async (parsed, cancellation) =>
        {
            using var session = await NodeArguments.OpenAsync(arguments.Choose(parsed), cancellation).ConfigureAwait(false);
            Set(session, parsed.GetValue(device)!, NodeArguments.FindDevice(session, parsed.GetValue(device)!).Device.Egress);
            return 0;
        });
        return command;
    }

    private static Command CreateShow()
    {
        LabArguments arguments = new();
        Command command = new("show", "Lists the impairments that are in force, and where they differ from the files.");
        arguments.AddTo(command);
        LabCommand.SetWork(command, async (parsed, cancellation) =>
        {
            using var session = await NodeArguments.OpenAsync(arguments.Choose(parsed), cancellation).ConfigureAwait(false);
            foreach (var device in session.Topology.Devices())
            {
                var seen = session.Seen.Nodes.GetValueOrDefault(device.Node)?.Devices.GetValueOrDefault(device.Name);
                var (now, wanted) = (NetemText.Write(seen?.Egress), NetemText.Write(device.Egress));
                if (now != "none" || wanted != "none")
                    Console.WriteLine($"{device.Node}:{device.Name} {now}{(now == wanted ? "" : $" (file: {wanted})")}");
            }

            return 0;
        });
        return command;
    }

    private static void Set(LabSession session, string name, Impairment? impairment)
    {
        var (device, link) = NodeArguments.FindDevice(session, name);
        KernelFeatures.ThrowIfMissing(new LabPlan([new ChangeDevice(device with { Egress = impairment }, link.Index) { SetEgress = true }]));
        var batch = new NetlinkBatch();
        Shaping.Write(batch, link, impairment);
        session.Places[device.Node].Route.Execute(batch);
    }
}
