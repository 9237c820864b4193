using Patchbay.Lab.Plan;
using Patchbay.Lab.Schema;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Wiring;

/// <summary>Something of the kernel that not every one has.</summary>
/// <param name="Name">As people call it: <c>netem</c>.</param>
/// <param name="Option">How it is switched on when a kernel is built.</param>
/// <param name="Module">What to load where it is a module.</param>
internal sealed record KernelFeature(string Name, string Option, string Module);

/// <summary>Finds out what this kernel can do, by doing it in a namespace that is thrown away.</summary>
internal static class KernelFeatures
{
    private static readonly List<(KernelFeature Feature, Action<RouteSocket, int, int> Try)> Known =
    [
        (new("veth", "CONFIG_VETH", "veth"), static (_, _, _) => { }),
        (new("bridge", "CONFIG_BRIDGE", "bridge"), static (route, _, _) => Add(route, new Bridge())),
        (new("bridge VLAN filtering", "CONFIG_BRIDGE_VLAN_FILTERING", "bridge"), static (route, _, _) => FilterVlans(route)),
        (new("dummy", "CONFIG_DUMMY", "dummy"), static (route, _, _) => Add(route, new Dummy())),
        (new("vlan", "CONFIG_VLAN_8021Q", "8021q"), static (route, lower, _) => Add(route, new Vlan(5), lower)),
        (new("macvlan", "CONFIG_MACVLAN", "macvlan"), static (route, lower, _) => Add(route, new Macvlan(), lower)),
        (new("ipvlan", "CONFIG_IPVLAN", "ipvlan"), static (route, lower, _) => Add(route, new Ipvlan(), lower)),
        (new("macvtap", "CONFIG_MACVTAP", "macvtap"), static (route, lower, _) => Add(route, new Macvtap(), lower)),
        (new("ipvtap", "CONFIG_IPVTAP", "ipvtap"), static (route, lower, _) => Add(route, new Ipvtap(), lower)),
        (new("vxlan", "CONFIG_VXLAN", "vxlan"), static (route, _, _) => Add(route, new Vxlan(1) { Remote = System.Net.IPAddress.Loopback, Port = Vxlan.LinuxPort })),
        (new("geneve", "CONFIG_GENEVE", "geneve"), static (route, _, _) => Add(route, new Geneve(1, System.Net.IPAddress.Loopback))),
        (new("netem", "CONFIG_NET_SCH_NETEM", "sch_netem"), static (route, lower, _) => Qdisc(route, lower, new Netem { Delay = TimeSpan.FromMilliseconds(1) })),
        (new("tbf", "CONFIG_NET_SCH_TBF", "sch_tbf"), static (route, lower, _) => Qdisc(route, lower, new Tbf { Rate = 125_000, Limit = 100_000, Buffer = 1_000_000 })),
        (new("red", "CONFIG_NET_SCH_RED", "sch_red"), static (route, lower, _) => Qdisc(route, lower, new Red { Limit = 100_000, Least = 3000, Most = 9000 })),
        (new("redirection", "CONFIG_NET_ACT_MIRRED, CONFIG_NET_CLS_U32, CONFIG_NET_SCH_INGRESS", "act_mirred, cls_u32, sch_ingress"), Redirect),
    ];

    /// <summary>Every feature that a lab may want, and whether it is there.</summary>
    public static IReadOnlyList<(KernelFeature Feature, string? Missing)> Probe() => Probe([.. Known.Select(known => known.Feature.Name)]);

    /// <exception cref="MissingFeatureException">The plan needs what this kernel has not; nothing was made yet.</exception>
    public static void ThrowIfMissing(LabPlan plan)
    {
        var needs = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var change in plan.Changes)
        {
            foreach (var (name, why) in NeedsOf(change))
                needs.TryAdd(name, why);
        }

        if (needs.Count == 0)
            return;
        var missing = Probe([.. needs.Keys]).Where(each => each.Missing is not null).ToList();
        if (missing.Count > 0)
            throw new MissingFeatureException([.. missing.Select(each => (each.Feature, needs[each.Feature.Name], each.Missing!))]);
    }

    private static IEnumerable<(string Name, string Why)> NeedsOf(Change change)
    {
        switch (change)
        {
            case AddSegment { Segment: var segment }:
                if (segment.Mode == BridgeMode.Linux)
                    yield return ("bridge", $"bridge \"{segment.Name}\"");
                if (segment.VlanFiltering == true)
                    yield return ("bridge VLAN filtering", $"bridge \"{segment.Name}\"");
                break;
            case AddLink { Link: var link }:
                if (link.Tunnel is { } tunnel)
                    yield return (tunnel.Kind, $"tunnel \"{link.End.Name}\"");
                else if (link.Type is not (LinkType.Veth or LinkType.Link))
                    yield return (link.Type.ToString().ToLowerInvariant(), $"interface {link.End}");
                foreach (var need in NeedsOf(link.End).Concat(link.Peer is null ? [] : NeedsOf(link.Peer)))
                    yield return need;
                break;
            case ChangeDevice { SetEgress: true } or ChangeDevice { SetRedirect: true }:
                foreach (var need in NeedsOf(((ChangeDevice)change).Device))
                    yield return need;
                break;
        }
    }

    private static IEnumerable<(string Name, string Why)> NeedsOf(Device device)
    {
        if (device.Egress?.Netem is not null)
            yield return ("netem", $"\"netem\" of {device}");
        if (device.Egress is { Rate: > 0 })
            yield return ("tbf", $"the rate of {device}");
        if (device.Egress is { Red: not EarlyDetection.None })
            yield return ("red", $"the early detection of {device}");
        if (device.RedirectTo is not null)
            yield return ("redirection", $"the patch that {device} is a port of");
    }

    private static List<(KernelFeature Feature, string? Missing)> Probe(IReadOnlyCollection<string> names)
    {
        var found = new List<(KernelFeature, string?)>();
        foreach (var (feature, attempt) in Known.Where(known => names.Contains(known.Feature.Name)))
        {
            // One for each: what a failed attempt leaves must not be in the way of the next.
            using var scratch = NetworkNamespace.Create();
            using var route = RouteSocket.Open(scratch);
            string? missing = null;
            try
            {
                var batch = new NetlinkBatch();
                batch.AddLink(new LinkSettings { Name = "probe", Kind = new Veth(new LinkSettings { Name = "probe2" }) });
                route.Execute(batch);
                attempt(route, route.FindLink("probe")!.Index, route.FindLink("probe2")!.Index);
            }
            catch (NetlinkException error)
            {
                missing = error.Message;
            }

            found.Add((feature, missing));
        }

        return found;
    }

    private static void Add(RouteSocket route, LinkKind kind, int? lower = null)
    {
        var batch = new NetlinkBatch();
        batch.AddLink(new LinkSettings { Name = "probe3", Kind = kind, Lower = lower });
        route.Execute(batch);
    }

    // A kernel without it refuses the option or, some versions, ignores it with success.
    private static void FilterVlans(RouteSocket route)
    {
        Add(route, new Bridge { VlanFiltering = true });
        if (Bridge.Decode(route.FindLink("probe3")!).VlanFiltering != true)
            throw new NetlinkException("set vlan_filtering of a bridge", Errno.NotSupported);
    }

    private static void Qdisc(RouteSocket route, int link, QdiscKind kind)
    {
        var batch = new NetlinkBatch();
        batch.AddQdisc(link, TcHandle.Root, new TcHandle(1, 0), kind);
        route.Execute(batch);
    }

    private static void Redirect(RouteSocket route, int from, int to)
    {
        var batch = new NetlinkBatch();
        batch.AddQdisc(from, TcHandle.Ingress, TcHandle.IngressQdisc, new Ingress());
        batch.AddFilter(from, TcHandle.IngressQdisc, 1, new U32Filter { Actions = [new Mirred { Link = to }] });
        route.Execute(batch);
    }
}

/// <summary>This kernel lacks something that a lab needs.</summary>
internal sealed class MissingFeatureException(IReadOnlyList<(KernelFeature Feature, string Why, string Error)> missing)
    : Exception(string.Join('\n', missing.Select(each =>
        $"this kernel has no {each.Feature.Name}, which {each.Why} needs ({each.Error}); load {each.Feature.Module}, or use a kernel built with {each.Feature.Option}")));
