using System.CommandLine;
using Patchbay.Lab.Engines;
using Patchbay.Lab.Life;
using Patchbay.Lab.Ovs;
using Patchbay.Lab.Plan;
using Patchbay.Lab.Wiring;

namespace Patchbay.Commands.Lab;

/// <summary><c>patchbay lab doctor</c>: what this kernel and the engines can do, and what the files of a lab need of it.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        LabArguments arguments = new();
        Command command = new("doctor", "Tells what this kernel and the engines can do, and, with files, whether that is enough for them.");
        arguments.AddTo(command);
        LabCommand.SetWork(command, async (parsed, cancellation) =>
        {
            foreach (var (feature, missing) in KernelFeatures.Probe())
                Console.WriteLine($"{(missing is null ? "yes" : "no "),-4} {feature.Name,-22} {(missing is null ? "" : $"{missing}; load {feature.Module}, or use a kernel with {feature.Option}")}".TrimEnd());
            var chosen = arguments.HasFiles(parsed) ? arguments.Choose(parsed) : null;
            await TellEnginesAsync(chosen?.Options ?? new LabOptions(), cancellation).ConfigureAwait(false);
            var ovs = chosen?.Options.OvsSocket ?? OpenVswitch.DefaultSocket;
            Console.WriteLine($"{(File.Exists(ovs) ? "yes" : "no "),-4} Open vSwitch at {ovs}{(Directory.Exists("/sys/module/openvswitch") ? ", with the kernel's part" : ", in user space only (datapath: netdev)")}");
            return chosen is null ? 0 : Examine(chosen);
        });
        return command;
    }

    private static async Task TellEnginesAsync(LabOptions options, CancellationToken cancellation)
    {
        IReadOnlyList<Engine> engines;
        try
        {
            engines = EngineChoice.Open(options);
        }
        catch (EngineException)
        {
            Console.WriteLine("no   engine of containers; nodes that are namespaces need none");
            return;
        }

        foreach (var engine in engines)
        {
            await using (engine.ConfigureAwait(false))
            {
                try
                {
                    var running = await engine.ListAsync(cancellation).ConfigureAwait(false);
                    Console.WriteLine($"yes  {engine.Name}, {running.Count} containers run");
                }
                catch (EngineException error)
                {
                    Console.WriteLine($"no   {error.Message}");
                }
            }
        }
    }

    private static int Examine(ChosenLab chosen)
    {
        var topology = TopologyBuilder.Build(chosen.Config, new TopologyOptions { Lab = chosen.Name, DefaultBridgeMode = chosen.Options.DefaultBridgeMode }, Expected.Containers(chosen.Config));
        try
        {
            KernelFeatures.ThrowIfMissing(new LabPlan([.. topology.Segments.Select(segment => new AddSegment(segment)), .. topology.Links.Select(link => new AddLink(link))]));
            Console.WriteLine($"The lab \"{chosen.Name}\" can be made here.");
            return 0;
        }
        catch (MissingFeatureException missing)
        {
            Console.WriteLine($"The lab \"{chosen.Name}\" cannot be made here:\n{missing.Message}");
            return LabCommand.Failed;
        }
    }
}
