using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Interfaces;

/// <summary>A container's interface on top of another one, its master: what macvlan, ipvlan and vlan share.</summary>
internal static class ChildLink
{
    // ip -n CONTAINER link add IFNAME link MASTER link-netnsid HOST type KIND
    /// <summary>Creates the link from inside the container's namespace; what follows and fails deletes it.</summary>
    /// <param name="sandbox">Container and host.</param>
    /// <param name="name">Its name.</param>
    /// <param name="config">Master and MTU.</param>
    /// <param name="kind">Its kind.</param>
    /// <param name="address">Its Ethernet address; null for the kernel's choice.</param>
    /// <param name="undo">Learns how to delete it.</param>
    /// <exception cref="CniException">There is no such master, or the kernel refused.</exception>
    internal static Link Create(Sandbox sandbox, string name, ChildLinkConfig config, LinkKind kind, MacAddress? address, Rollback undo)
    {
        var master = MasterLink.Find((config.LinkInContainer ? sandbox.Container : sandbox.Host).Route, config, kind);
        var container = sandbox.Container.Route;
        int? host = config.LinkInContainer ? null : NumberOf(sandbox.HostNamespace, container);
        var settings = new LinkSettings
        {
            Name = name,
            Mtu = config.Mtu == 0 ? null : config.Mtu,
            Address = address,
            Lower = master.Index,
            LowerNamespaceId = host,
            Kind = kind,
        };
        var error = TryCreate(container, settings, undo, out var link);
        if (error is null)
            return link!;
        if (error.Error != Errno.Exists || link is not null || config.LinkInContainer)
            throw Explain(error, name, kind, master, isThere: link is not null);

        // Before Linux 6.15 a link is made in the namespace of the one below it and then moved (net/core/rtnetlink.c, rtnl_newlink_create),
        // so that the host's names are in the way too. One that nobody has, and the right one when it is in its place.
        error = TryCreate(container, settings with { Name = $"veth{(uint)Random.Shared.NextInt64(1L << 32):x8}" }, undo, out link);
        if (error is not null)
            throw Explain(error, name, kind, master, isThere: false);
        var batch = new NetlinkBatch();
        batch.SetLink(link!.Index, new LinkSettings { Name = name });
        batch.GetLink(link.Index, found => link = found);
        return container.TryExecute(batch) is [var refusal, ..] ? throw Explain(refusal, name, kind, master, isThere: refusal.Error == Errno.Exists) : link;
    }

    // The link is also told when there was one of that name before.
    private static NetlinkException? TryCreate(RouteSocket container, LinkSettings settings, Rollback undo, out Link? link)
    {
        Link? found = null;
        var batch = new NetlinkBatch();
        batch.AddLink(settings);
        batch.GetLink(settings.Name!, present => found = present, Tolerated.Missing);
        var error = container.TryExecute(batch) is [var first, ..] ? first : null;
        link = found;
        if (error is null)
        {
            var index = found!.Index;
            undo.Push(() =>
            {
                var removal = new NetlinkBatch();
                removal.DeleteLink(index, Tolerated.Missing);
                container.Execute(removal);
            });
        }

        return error;
    }

    private static int? NumberOf(NetworkNamespace host, RouteSocket container)
    {
        int? number = null;
        var batch = new NetlinkBatch();
        batch.AssignNamespaceId(host);
        batch.GetNamespaceId(host, id => number = id);
        container.Execute(batch);
        return number;
    }

    /// <summary>Lets neighbours learn of the new owner of the addresses when the link comes up.</summary>
    internal static void Announce(SysctlDirectory sysctl, string name)
    {
        sysctl.TryWrite($"ipv4/conf/{name}/arp_notify", "1");
        sysctl.TryWrite($"ipv6/conf/{name}/ndisc_notify", "1");
    }

    /// <summary>Gives the link addresses and routes, and sets it up.</summary>
    /// <param name="request">The attachment.</param>
    /// <param name="sandbox">Container and host.</param>
    /// <param name="link">The link.</param>
    /// <param name="addresses">The IPAM's result or the previous plugin's; its interfaces do not count.</param>
    /// <param name="config">Whether to look for other owners of the addresses.</param>
    /// <returns>The result of the ADD.</returns>
    internal static CniResult Configure(PluginRequest request, Sandbox sandbox, Link link, CniResult addresses, ChildLinkConfig config)
    {
        var result = addresses with
        {
            Interfaces = [new() { Name = link.Name, Mac = link.Address?.ToString(), Mtu = link.Mtu, Sandbox = request.NetnsPath }],
            Ips = [.. addresses.Ips.Select(static ip => ip with { Interface = 0 })],
        };
        InterfaceConfiguration.Apply(sandbox.Container, sandbox.ContainerNamespace, link, result, config.EnableDad);
        return IpamDelegate.WithConfiguredDns(request, result);
    }

    /// <summary>Addresses from the IPAM, at least one.</summary>
    /// <exception cref="CniException">The IPAM failed, or gave none.</exception>
    internal static CniResult AddressesFromIpam(PluginRequest request, Rollback undo)
    {
        var result = IpamDelegate.Add(request, undo);
        return result.Ips.Count > 0 ? result : throw new CniException(CniError.Internal, "IPAM plugin returned missing IP config");
    }

    /// <summary>STATUS: kernel, master and IPAM are ready for an ADD.</summary>
    /// <param name="request">The network.</param>
    /// <param name="config">The master; one in a container, which is not known here, is not looked for.</param>
    /// <param name="kind">The kind of the links.</param>
    /// <param name="anyMaster">The master is that of each attachment.</param>
    /// <exception cref="CniException">Code 50: an ADD would fail.</exception>
    internal static void Status(PluginRequest request, ChildLinkConfig config, LinkKind kind, bool anyMaster = false)
    {
        using var host = RouteSocket.Open();
        RequireKernel(host, kind);
        if (!config.LinkInContainer && !anyMaster)
        {
            try
            {
                MasterLink.Find(host, config, kind);
            }
            catch (CniException error)
            {
                throw new CniException(CniError.PluginNotAvailable, error.Message, error.Details, error);
            }
        }

        IpamDelegate.Status(request);
    }

    // A link on top of nothing is refused by each kind (EINVAL), and an unknown kind by all (EOPNOTSUPP); nothing is ever made.
    private static void RequireKernel(RouteSocket host, LinkKind kind)
    {
        var batch = new NetlinkBatch();
        batch.AddLink(new LinkSettings { Kind = kind });
        if (host.TryExecute(batch) is [{ Error: Errno.NotSupported } error, ..])
            throw new CniException(CniError.PluginNotAvailable, $"this kernel has no {kind.Name} interfaces", error.Message, error);
    }

    private static CniException Explain(NetlinkException error, string name, LinkKind kind, Link master, bool isThere)
    {
        var why = (error.Error, kind) switch
        {
            (Errno.Exists, _) when isThere => $"the container has an interface \"{name}\" already",
            (Errno.Exists, Vlan vlan) => $"the master has VLAN {vlan.Id} already, here or in a container: each VLAN of an interface is there once",
            (Errno.Busy, _) => $"the master is a port of a bridge or bond, or carries links of a kind that excludes {kind.Name}",
            (Errno.Invalid, Macvlan { Mode: MacvlanMode.Passthru }) => "in mode passthru there is one link on a master",
            (Errno.Invalid, Macvlan) => "perhaps a link in mode passthru has the master for itself",
            (Errno.NotSupported, _) => $"this kernel has no {kind.Name} interfaces",
            _ => null,
        };
        return new CniException(CniError.Internal, $"failed to create {kind.Name} \"{name}\" on master \"{master.Name}\": {(why is null ? "" : $"{why}: ")}{error.Message}", inner: error);
    }
}
