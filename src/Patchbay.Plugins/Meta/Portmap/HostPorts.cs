using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>Ports of the host that lead to a container, by either backend. Everything is done in the namespace of the calling thread, the host's.</summary>
internal static class HostPorts
{
    /// <summary>Maps the ports of an interface; what it had before goes.</summary>
    internal static void Add(PluginRequest request, PortmapConfig config, ContainerAddresses addresses)
    {
        var owner = new PortOwner(request);
        var source = PrepareLoopback(config, addresses);
        if (!config.UsesIptables)
        {
            AddNative(owner, config, addresses, source);
            return;
        }

        try
        {
            IptablesHostPorts.Add(owner, config, addresses);
            AddLoopback(owner, config, source);
        }
        catch (CniException failure) when (!config.IsBackendChosen && failure.Code == CniError.Internal)
        {
            // Nobody asked for iptables by name, so if it turns out not to work here, nftables does as well.
            Remove(request);
            AddInstead(owner, config, addresses, source, failure);
        }
    }

    /// <summary>Removes what any backend has of an interface. Nothing there is no error, nor is a host without iptables.</summary>
    internal static void Remove(PluginRequest request)
    {
        var owner = new PortOwner(request);
        var cleanup = new Cleanup();
        var containers = new HashSet<IPAddress>();
        var known = ContainerAddresses.Find(request);
        HashSet<IPAddress> addresses = [.. ContainerAddresses.Families.Select(known.Of).OfType<IpPrefix>().Select(prefix => prefix.Address)];
        cleanup.Step(() => OnNftables(nft =>
        {
            foreach (var port in NftablesHostPorts.Remove(nft, owner))
            {
                if (port.Protocol == Transport.Udp)
                    containers.Add(port.Container);
            }

            LoopbackTable.Remove(nft, name => name == owner.Name);
            ReferenceNftRules.Remove(nft, owner, () => known);
            if (IptablesOnNftHostPorts.Remove(nft, owner, addresses, containers))
                containers.UnionWith(addresses);
        }));
        cleanup.Step(() =>
        {
            // Where rules do not tell where they led, what the runtime knows does.
            if (IptablesHostPorts.RemoveLegacy(owner, addresses, containers))
                containers.UnionWith(addresses);
        });
        cleanup.Step(() => UdpConnections.ForgetFrom(request, containers));
        cleanup.ThrowIfFailed();
    }

    /// <summary>Removes what any backend has of interfaces of a network that are not valid any more.</summary>
    internal static void Collect(PluginRequest request, IReadOnlyList<CniAttachment> valid)
    {
        var network = request.Config.Name;
        List<PortOwner> owners = [.. valid.Select(attachment => new PortOwner(network, attachment.ContainerId, attachment.IfName))];
        var chains = new ValidChains();
        foreach (var owner in owners)
            chains.Add(owner.IfName, owner.Chain, owner.FurtherChain);
        var cleanup = new Cleanup();
        var containers = new HashSet<IPAddress>();
        cleanup.Step(() => OnNftables(nft =>
        {
            foreach (var port in NftablesHostPorts.Collect(nft, network, valid))
            {
                if (port.Protocol == Transport.Udp)
                    containers.Add(port.Container);
            }

            var names = owners.Select(owner => owner.Name).ToHashSet();
            LoopbackTable.Remove(nft, name => name.StartsWith(PortOwner.Prefix(network), StringComparison.Ordinal) && !names.Contains(name));
            IptablesOnNftHostPorts.Collect(nft, network, chains, containers);
        }));
        cleanup.Step(() => IptablesHostPorts.CollectLegacy(network, chains, containers));
        cleanup.Step(() => UdpConnections.ForgetFrom(request, containers));
        cleanup.ThrowIfFailed();
    }

    /// <summary>Makes sure, for STATUS, that an ADD could map ports.</summary>
    /// <exception cref="CniException">Code 50: it could not.</exception>
    internal static void RequireBackend(PortmapConfig config)
    {
        if (config.UsesIptables)
        {
            foreach (var program in (ReadOnlySpan<string>)["iptables-restore", "ip6tables-restore"])
            {
                if (IptablesTool.Find(program) is null)
                    throw new CniException(CniError.PluginNotAvailable, $"portmap needs {program}, which is not installed: install iptables, or set \"backend\" to \"nftables\"");
            }

            return;
        }

        try
        {
            using var nft = NftablesSocket.Open();
            NftablesHostPorts.Verify(nft, ipv4: true);
            NftablesHostPorts.Verify(nft, ipv4: false);
        }
        catch (NetlinkException error)
        {
            throw new CniException(CniError.PluginNotAvailable, $"portmap cannot use nf_tables: {error.Message}", inner: error);
        }
    }

    /// <summary>The host's address towards the container's IPv6 address, which stands for ::1; null when there is none, or it is not wanted.</summary>
    internal static IPAddress? LoopbackSource(PortmapConfig config, ContainerAddresses addresses)
    {
        if (!config.Snat || addresses.IPv6 is not { } address || !config.Applies(ipv4: false))
            return null;
        using var route = RouteSocket.Open();
        return route.FindRoute(address.Address)?.PreferredSource;
    }

    // 127.0.0.1 may be the source of packets to a link, and of answers from it, only where that is allowed (ip-sysctl, route_localnet).
    private static IPAddress? PrepareLoopback(PortmapConfig config, ContainerAddresses addresses)
    {
        if (!config.Snat)
            return null;
        if (addresses.IPv4 is { } address && config.Applies(ipv4: true))
        {
            using var route = RouteSocket.Open();
            if (route.FindRoute(address.Address) is { Link: not 0 } way && route.FindLink(way.Link) is { } link)
            {
                using var sysctl = SysctlDirectory.Open();
                sysctl.Ensure($"ipv4/conf/{link.Name}/route_localnet", "1");
            }
        }

        return LoopbackSource(config, addresses);
    }

    private static void AddNative(PortOwner owner, PortmapConfig config, ContainerAddresses addresses, IPAddress? loopbackSource)
    {
        using var nft = NftablesSocket.Open();
        NftablesHostPorts.Add(nft, owner, config, addresses, loopbackSource);
    }

    // ::1 leads there as well where the kernel has nf_tables; iptables alone cannot do it, and the reference does not.
    private static void AddLoopback(PortOwner owner, PortmapConfig config, IPAddress? source)
    {
        using var nft = NftablesSocket.Open();
        try
        {
            if (source is null)
                LoopbackTable.Remove(nft, name => name == owner.Name);
            else
                LoopbackTable.Add(nft, owner, config.Mappings, source);
        }
        catch (NetlinkException) when (!nft.IsAvailable())
        {
        }
    }

    private static void AddInstead(PortOwner owner, PortmapConfig config, ContainerAddresses addresses, IPAddress? loopbackSource, CniException failure)
    {
        try
        {
            AddNative(owner, config, addresses, loopbackSource);
        }
        catch (NetlinkException second)
        {
            throw new CniException(CniError.Internal, $"neither iptables nor nftables can map ports: {failure.Message}; {second.Message}", inner: failure);
        }
    }

    private static void OnNftables(Action<NftablesSocket> work)
    {
        var nft = NftablesSocket.Open();
        try
        {
            work(nft);
        }
        catch (NetlinkException) when (!nft.IsAvailable())
        {
            // A kernel without nf_tables has no rules in it.
        }
        finally
        {
            nft.DisposeInBackground();
        }
    }
}
