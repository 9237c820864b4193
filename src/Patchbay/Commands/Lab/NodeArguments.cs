using Patchbay.Lab.Life;
using Patchbay.Lab.Plan;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Commands.Lab;

/// <summary>A lab that is up, with the containers that run, for verbs that reach into it.</summary>
internal static class NodeArguments
{
    /// <summary>Opens a lab and looks at it.</summary>
    public static async Task<LabSession> OpenAsync(ChosenLab chosen, CancellationToken cancellation)
    {
        var session = new LabSession(chosen.Name, chosen.Config, chosen.Options);
        try
        {
            if (session.NeedsEngine)
            {
                var engines = EngineChoice.Open(chosen.Options);
                var containers = new ContainerSet(chosen.Config, await EngineChoice.ProjectAsync(chosen.Options, engines, cancellation).ConfigureAwait(false), chosen.Name);
                foreach (var engine in engines)
                {
                    await using (engine.ConfigureAwait(false))
                        containers.Replace(engine, await engine.ListAsync(cancellation).ConfigureAwait(false));
                }

                session.SetContainers(containers.Running);
            }

            session.Look();
            return session;
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>Finds <c>NODE:INTERFACE</c>; an interface here has no node: <c>:lan</c> or <c>lan</c>.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    public static (Device Device, Link Link) FindDevice(LabSession session, string text)
    {
        var colon = text.LastIndexOf(':');
        var (node, name) = colon < 0 ? ("", text) : (text[..colon], text[(colon + 1)..]);
        foreach (var device in session.Topology.Devices())
        {
            if (device.Name != name || (device.Node != node && !IsReplica(session, device, node)))
                continue;
            return session.Seen.Nodes.GetValueOrDefault(device.Node)?.Devices.GetValueOrDefault(device.Name) is { Owned: true } seen
                ? (device, seen.Link)
                : throw new UsageException($"the interface {device} is not there; is the lab \"{session.Topology.Lab}\" up?");
        }

        var known = session.Topology.Devices().Where(device => device.Name != "lo").Select(device => $"{device.Node}:{device.Name}");
        throw new UsageException($"the lab \"{session.Topology.Lab}\" has no interface \"{text}\"; it has {string.Join(", ", known)}");
    }

    /// <summary>Finds a node by its name, or by that of its service when there is one of it.</summary>
    /// <exception cref="UsageException">There is none.</exception>
    public static LabNode FindNode(LabSession session, string name) =>
        session.Topology.Nodes.FirstOrDefault(node => node.Kind != NodeKind.Here && node.Name == name)
        ?? (session.Topology.Nodes.Where(node => node.Service == name || RunningContainer.ReplicaName(node.Service, node.Index) == name).ToList() is [var only] ? only : null)
        ?? throw new UsageException($"the lab \"{session.Topology.Lab}\" has no node \"{name}\" that runs; it has {string.Join(", ", session.Topology.Nodes.Skip(1).Select(node => node.Name))}");

    private static bool IsReplica(LabSession session, Device device, string name) =>
        session.Topology.FindNode(device.Node) is { Service: not null } node && (RunningContainer.ReplicaName(node.Service, node.Index) == name || node.Service == name);
}
