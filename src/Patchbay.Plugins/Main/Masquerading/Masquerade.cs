using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.Meta.Yggoverlay;
using Patchbay.Plugins.PacketFilter;

namespace Patchbay.Plugins.Main.Masquerading;

/// <summary>ipMasq of bridge and ptp: what a container sends beyond its subnet leaves under the host's address. docs/masquerade.md.</summary>
/// <remarks>Everything is done in the namespace of the calling thread, the host's.</remarks>
internal static class Masquerade
{
    private const string Iptables = "iptables";
    private const string Nftables = "nftables";

    /// <summary>Begins to masquerade an interface; rules that it has already are replaced.</summary>
    /// <param name="request">Whose interface.</param>
    /// <param name="backend"><c>ipMasqBackend</c>: iptables, nftables, or null for iptables where it works and nftables elsewhere.</param>
    /// <param name="ips">The addresses.</param>
    /// <returns>The work, done when <see cref="PendingWork.Complete"/> returns.</returns>
    /// <exception cref="CniException">Code 7: an unknown backend.</exception>
    internal static PendingWork Start(PluginRequest request, string? backend, IReadOnlyList<CniIp> ips)
    {
        var name = new MasqueradeName(request);
        PendingWork pending;
        if (Choose(backend) == Nftables)
        {
            pending = new PendingWork();
            pending.Do(() => AddNative(name, ips));
            return pending;
        }

        // Nobody asked for iptables by name, so if it turns out not to work here, nftables does as well.
        pending = backend is null ? new PendingWork(failure => AddInstead(request, name, ips, failure)) : new PendingWork();
        foreach (var ipv4 in new[] { true, false })
        {
            if (ips.Any(ip => ip.Address.IsIPv4 == ipv4))
                pending.Start(() => IptablesMasquerade.Add(ipv4, name, ips));
        }

        return pending;
    }

    /// <summary>Removes what any backend has of an interface. Nothing there is no error, nor is a host without iptables.</summary>
    /// <param name="request">Whose interface.</param>
    /// <param name="ips">The addresses, for an ADD that failed; without, those of prevResult.</param>
    internal static void Remove(PluginRequest request, IReadOnlyList<CniIp>? ips = null)
    {
        using var removal = StartRemoval(request, ips);
        removal.Complete();
    }

    /// <summary>Begins <see cref="Remove"/>.</summary>
    /// <param name="request">Whose interface.</param>
    /// <param name="ips">The addresses, as in <see cref="Remove"/>.</param>
    /// <returns>The work, done when <see cref="PendingWork.Complete"/> returns.</returns>
    internal static PendingWork StartRemoval(PluginRequest request, IReadOnlyList<CniIp>? ips = null)
    {
        var name = new MasqueradeName(request);
        HashSet<IPAddress> addresses = [.. (ips ?? request.Config.PrevResult?.Ips ?? []).Select(ip => ip.Address.Address)];
        var pending = new PendingWork();
        pending.Do(() => OnNftables(pending, nft =>
        {
            NftablesMasquerade.Remove(nft, name);
            IptablesOnNftMasquerade.Remove(nft, name, addresses);
        }));
        pending.Do(() => OnLegacyTables(pending, ipv4 => IptablesMasquerade.RemoveLegacy(ipv4, name, addresses)));
        return pending;
    }

    /// <summary>Tells whether an interface is masqueraded, by either backend, for each address that CHECK knows of.</summary>
    /// <param name="request">Whose interface; its prevResult has the addresses.</param>
    internal static bool Exists(PluginRequest request)
    {
        var name = new MasqueradeName(request);
        // The result is the whole chain's: an address on the mesh is another plugin's, and never masqueraded.
        List<CniIp> ips = [.. (request.Config.PrevResult?.Ips ?? []).Where(ip => !MeshAddress.IsOfSubnet(ip.Address.Address))];
        using var nft = NftablesSocket.Open();
        return NftablesMasquerade.Exists(nft, name, ips) || (ips.Count > 0 && ips.All(ip => IptablesExists(nft, name, ip.Address)));
    }

    /// <summary>Removes what any backend has of interfaces of a network that are not valid any more.</summary>
    /// <param name="network">The network's name.</param>
    /// <param name="valid">The interfaces that stay.</param>
    internal static void Collect(string network, IReadOnlyList<CniAttachment> valid)
    {
        var chains = new ValidChains();
        foreach (var attachment in valid)
        {
            var name = new MasqueradeName(network, attachment.ContainerId, attachment.IfName);
            chains.Add(name.IfName, name.Chain, name.FurtherChain);
        }

        using var pending = new PendingWork();
        pending.Do(() => OnNftables(pending, nft =>
        {
            NftablesMasquerade.Collect(nft, network, valid);
            IptablesOnNftMasquerade.Collect(nft, ipv4: true, network, chains);
            IptablesOnNftMasquerade.Collect(nft, ipv4: false, network, chains);
        }));
        pending.Do(() => OnLegacyTables(pending, ipv4 => IptablesMasquerade.CollectLegacy(ipv4, network, chains)));
        pending.Complete();
    }

    /// <summary>Makes sure, for STATUS, that an ADD could masquerade.</summary>
    /// <param name="backend"><c>ipMasqBackend</c>.</param>
    /// <exception cref="CniException">Code 50: it could not. Code 7: an unknown backend.</exception>
    internal static void RequireBackend(string? backend)
    {
        if (Choose(backend) == Iptables)
        {
            if (IptablesTool.Find("iptables-restore") is null)
                throw new CniException(CniError.PluginNotAvailable, "ipMasq needs iptables-restore, which is not installed");
            return;
        }

        try
        {
            using var nft = NftablesSocket.Open();
            NftablesMasquerade.Verify(nft);
        }
        catch (NetlinkException error)
        {
            throw new CniException(CniError.PluginNotAvailable, $"ipMasq cannot use nf_tables: {error.Message}", inner: error);
        }
    }

    // Running a program to find out whether it runs would cost as much as using it, so its presence decides.
    private static string Choose(string? backend) => backend switch
    {
        Iptables or Nftables => backend,
        null => IptablesTool.Find("iptables-restore") is null ? Nftables : Iptables,
        _ => throw new CniException(CniError.InvalidNetworkConfig, $"unknown ipmasq backend \"{backend}\""),
    };

    private static void AddNative(MasqueradeName name, IReadOnlyList<CniIp> ips)
    {
        using var nft = NftablesSocket.Open();
        NftablesMasquerade.Add(nft, name, ips);
    }

    private static void AddInstead(PluginRequest request, MasqueradeName name, IReadOnlyList<CniIp> ips, Exception failure)
    {
        try
        {
            Remove(request, ips);
            AddNative(name, ips);
        }
        catch (Exception second) when (second is NetlinkException or CniException)
        {
            throw new CniException(CniError.Internal, $"neither iptables nor nftables can masquerade: {failure.Message}; {second.Message}", inner: failure);
        }
    }

    private static void OnNftables(PendingWork pending, Action<NftablesSocket> work)
    {
        var nft = pending.CloseLast(NftablesSocket.Open());
        try
        {
            work(nft);
        }
        catch (NetlinkException) when (!nft.IsAvailable())
        {
            // A kernel without nf_tables has no rules in it.
        }
    }

    private static void OnLegacyTables(PendingWork pending, Action<bool> work)
    {
        foreach (var ipv4 in new[] { true, false })
        {
            if (LegacyTables.IsUsed(ipv4, IptablesMasquerade.Table))
                pending.Start(() => work(ipv4));
        }
    }

    private static bool IptablesExists(NftablesSocket nft, MasqueradeName name, IpPrefix prefix) =>
        IptablesOnNftMasquerade.Exists(nft, prefix.IsIPv4, name, prefix.Address.GetAddressBytes())
        || IptablesMasquerade.ExistsLegacy(prefix.IsIPv4, name, prefix.Address.ToString());
}
