using Patchbay.Lab.Ovs;
using Patchbay.Lab.Plan;

namespace Patchbay.Lab.Wiring;

/// <summary>The part of a lab that Open vSwitch does; each call waits until it is done.</summary>
internal static class OvsWiring
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(20);

    public static IReadOnlyList<OvsBridge> List(string lab, string socket) =>
        File.Exists(socket) ? Do(lab, socket, (ovs, cancellation) => ovs.ListBridgesAsync(cancellation)) : [];

    public static void Add(string lab, string socket, IReadOnlyList<Segment> segments)
    {
        if (segments.Count == 0)
            return;
        Do(lab, socket, async (ovs, cancellation) =>
        {
            foreach (var segment in segments)
            {
                var bridge = new OvsBridge { Name = segment.Name, Datapath = segment.DataPath ?? OvsBridge.KernelDatapath, SpanningTree = segment.SpanningTree == true };
                await ovs.AddBridgeAsync(bridge, cancellation).ConfigureAwait(false);
            }

            return true;
        });
    }

    public static void AddPorts(string lab, string socket, IReadOnlyList<Device> ports)
    {
        if (ports.Count == 0)
            return;
        Do(lab, socket, async (ovs, cancellation) =>
        {
            foreach (var port in ports)
                await ovs.AddPortAsync(port.OvsBridge!, port.Name, number: null, cancellation).ConfigureAwait(false);
            return true;
        });
    }

    public static void RemovePorts(string lab, string socket, IReadOnlyList<RemoveOvsPort> ports)
    {
        if (ports.Count == 0)
            return;
        Do(lab, socket, async (ovs, cancellation) =>
        {
            foreach (var port in ports)
                await ovs.DeletePortAsync(port.Bridge, port.Name, cancellation).ConfigureAwait(false);
            return true;
        });
    }

    public static void Remove(string lab, string socket, IReadOnlyList<string> bridges)
    {
        if (bridges.Count == 0)
            return;
        Do(lab, socket, async (ovs, cancellation) =>
        {
            foreach (var bridge in bridges)
                await ovs.DeleteBridgeAsync(bridge, cancellation).ConfigureAwait(false);
            return true;
        });
    }

    public static void RemoveAll(string lab, string socket) => Remove(lab, socket, [.. List(lab, socket).Select(bridge => bridge.Name)]);

    private static T Do<T>(string lab, string socket, Func<OpenVswitch, CancellationToken, Task<T>> work)
    {
        using var limit = new CancellationTokenSource(Limit);
        return Task.Run(
            async () =>
            {
                using var ovs = await OpenVswitch.ConnectAsync(lab, socket, limit.Token).ConfigureAwait(false);
                return await work(ovs, limit.Token).ConfigureAwait(false);
            },
            limit.Token).GetAwaiter().GetResult();
    }
}
