using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Main.Bridge;

/// <summary>The bridge on the host: made when missing, used as it is when present, given the gateways' addresses.</summary>
internal sealed class BridgeDevice(NetworkStack host, BridgeConfig config)
{
    /// <summary>MTU of the container's port and of a new bridge, once <see cref="Ensure"/> has run; 0 for the kernel's default.</summary>
    internal int Mtu { get; private set; } = config.Mtu;

    /// <summary>The bridge, found or created: <c>ip link add NAME type bridge; ip link set NAME up</c>.</summary>
    /// <exception cref="CniException">A link of that name is no bridge.</exception>
    internal Link Ensure()
    {
        if (Find() is { } existing)
        {
            Mtu = HostMtu.Beside(Mtu, config.Mtu, existing);
            return Use(existing);
        }

        Link? created = null;
        var batch = new NetlinkBatch();
        // A concurrent ADD may create it first.
        batch.AddLink(
            new LinkSettings
            {
                Name = config.BridgeName,
                Mtu = Mtu == 0 ? null : Mtu,
                // Given here it is there to stay; else it follows the ports, and concurrent ADDs report different ones (net/bridge/br_stp_if.c).
                Address = RandomAddress(),
                Kind = new Netlink.Rtnetlink.Bridge { VlanFiltering = config.UsesVlans ? true : null },
            },
            Tolerated.Existing);
        batch.GetLink(config.BridgeName, link => created = link);
        host.Route.Execute(batch);
        return Use(created!);
    }

    private Link? Find()
    {
        Link? found = null;
        var batch = new NetlinkBatch();
        var mtu = config.Mtu == 0 ? new HostMtu(batch) : null;
        batch.GetLink(config.BridgeName, link => found = link, Tolerated.Missing);
        host.Route.Execute(batch);
        Mtu = mtu?.Answer(host.Route, config.MtuOverhead) ?? config.Mtu;
        return found;
    }

    // A unicast address of the locally administered kind (IEEE 802, 8.2).
    private static MacAddress RandomAddress() =>
        new(((ulong)Random.Shared.NextInt64(1L << 48) & ~0x0100_0000_0000UL) | 0x0200_0000_0000UL);

    private Link Use(Link bridge)
    {
        RequireBridge(bridge, CniError.Internal);
        bool? promiscuous = config.PromiscMode && bridge.Promiscuity == 0 ? true : null;
        if (bridge.IsUp && promiscuous is null)
            return bridge;
        // Router advertisements of containers must not configure the host.
        host.Sysctl.TryWrite($"ipv6/conf/{bridge.Name}/accept_ra", "0");
        var batch = new NetlinkBatch();
        batch.SetLink(bridge.Index, new LinkSettings { Up = true, Promiscuous = promiscuous });
        batch.GetLink(bridge.Index, link => bridge = link);
        host.Route.Execute(batch);
        return bridge;
    }

    /// <summary>A link of the bridge's name must be one.</summary>
    /// <param name="link">The link.</param>
    /// <param name="code">The error's code.</param>
    /// <exception cref="CniException">It is none.</exception>
    internal static void RequireBridge(Link link, uint code)
    {
        if (link.Kind != Netlink.Rtnetlink.Bridge.KindName)
            throw new CniException(code, $"\"{link.Name}\" already exists but is not a bridge (it is {link.Kind ?? "a physical interface"}): choose another name for \"bridge\"");
    }

    /// <summary>Puts the gateways' addresses on the bridge, or on the host's end of its VLAN, and lets the host forward.</summary>
    /// <param name="bridge">The bridge.</param>
    /// <param name="ips">Addresses whose gateway the host is.</param>
    /// <returns>The link of the VLAN, which the result names; null without VLAN.</returns>
    internal Link? AddGateways(Link bridge, IReadOnlyList<CniIp> ips)
    {
        var vlan = config.Vlan == 0 ? null : EnsureVlanLink(bridge);
        var device = vlan ?? bridge;
        var present = host.Route.ListAddresses(device.Index);
        var batch = new NetlinkBatch();
        foreach (var ip in ips)
            EnsureAddress(batch, device, present, new IpPrefix(ip.Gateway!, ip.Address.PrefixLength));
        if (batch.Count > 0)
        {
            // For a bridge that somebody else made. Its present address: the one from before the container's port came may be all zeros.
            if (host.Route.FindLink(device.Index) is { Address: { } current })
                batch.SetLink(device.Index, new LinkSettings { Address = current });
            try
            {
                host.Route.Execute(batch);
            }
            catch (NetlinkException error)
            {
                throw new CniException(CniError.Internal, $"failed to give \"{device.Name}\" the gateway's address: {error.Message}", inner: error);
            }
        }

        IpForwarding.Enable(host.Sysctl, ips.Select(ip => ip.Gateway!));
        return vlan;
    }

    private void EnsureAddress(NetlinkBatch batch, Link device, IReadOnlyList<InterfaceAddress> present, IpPrefix wanted)
    {
        var network = wanted.Network;
        foreach (var address in present)
        {
            if (RouteSocket.FamilyOf(address.Address) != RouteSocket.FamilyOf(wanted.Address))
                continue;
            if (address.Address.Equals(wanted.Address) && address.PrefixLength == wanted.PrefixLength)
                return;
            // IPv6 addresses of other networks may stand beside it; a second IPv4 address is a sign of two configurations for one bridge.
            var other = new IpPrefix(address.Address, address.PrefixLength);
            if (!wanted.IsIPv4 && !network.Contains(address.Address) && !other.Network.Contains(wanted.Address))
                continue;
            if (!config.ForceAddress)
                throw new CniException(CniError.Internal, $"failed to add IP address to \"{device.Name}\": \"{device.Name}\" already has an IP address different from {wanted}: it has {other}; set \"forceAddress\" to replace it");
            batch.DeleteAddress(address, Tolerated.Missing);
        }

        batch.AddAddress(
            new InterfaceAddress
            {
                Link = device.Index,
                Address = wanted.Address,
                PrefixLength = wanted.PrefixLength,
                Broadcast = InterfaceAddress.BroadcastOf(wanted.Address, wanted.PrefixLength),
                Flags = wanted.IsIPv4 ? AddressFlags.None : AddressFlags.NoDuplicateDetection,
            },
            Tolerated.Existing); // by a concurrent ADD
    }

    // ip link add BRIDGE.VLAN type veth peer name vethXXXXXXXX master BRIDGE; the far end is an access port of the VLAN
    private Link EnsureVlanLink(Link bridge)
    {
        var name = $"{bridge.Name}.{config.Vlan}";
        InterfaceName.Require(name, $"gateway interface of VLAN {config.Vlan}");
        if (host.Route.FindLink(name) is { } existing)
            return existing;

        using var here = NetworkNamespace.OpenCurrent();
        // The bridge's as it was before the container's port came, which may have lowered it since.
        var pair = VethPair.Create(host, here, name, Mtu == 0 ? bridge.Mtu : Math.Min(Mtu, bridge.Mtu), address: null);
        try
        {
            var batch = new NetlinkBatch();
            batch.SetLink(pair.HostIndex, new LinkSettings { Master = bridge.Index, Up = true });
            BridgePorts.SetVlans(host.Route, batch, pair.HostIndex, config.Vlan, [], config.PreserveDefaultVlan);
            batch.SetLink(pair.Container.Index, new LinkSettings { Up = true });
            host.Sysctl.TryWrite($"ipv6/conf/{pair.HostName}/accept_ra", "0");
            host.Route.Execute(batch);
            return host.Route.FindLink(name)!;
        }
        catch
        {
            var undo = new NetlinkBatch();
            undo.DeleteLink(pair.Container.Index, Tolerated.Missing);
            host.Route.TryExecute(undo);
            throw;
        }
    }

    /// <summary>The address that a host takes as gateway when the configuration names none: the first of the network.</summary>
    internal static IPAddress FirstAddressOf(IpPrefix prefix)
    {
        var bytes = prefix.Network.BaseAddress.GetAddressBytes();
        for (var i = bytes.Length - 1; i >= 0 && ++bytes[i] == 0; i--)
        {
        }

        return new IPAddress(bytes);
    }
}
