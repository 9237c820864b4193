using Patchbay.Cni.Model;
using Patchbay.Netlink.Netfilter;

namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>Opens the FORWARD chains of iptables as well where they would stop what another backend lets pass.</summary>
/// <remarks>
/// What one base chain of netfilter accepts, the next one of the same hook may still drop. Docker sets iptables' FORWARD to DROP, and then
/// no zone of firewalld and no table of our own opens the path alone.
/// </remarks>
internal static class ForeignForward
{
    /// <summary>Makes the reference plugin's rules in each FORWARD chain that would stop the packets.</summary>
    /// <param name="nft">nf_tables.</param>
    /// <param name="target">For whom.</param>
    /// <param name="backend">What is there already.</param>
    /// <param name="ipv4">The family.</param>
    internal static void Open(NftablesSocket nft, FirewallTarget target, FirewallBackend backend, bool ipv4)
    {
        if (NeedsNft(nft, backend, ipv4))
            IptablesOnNftFirewall.Open(nft, WithoutPolicy(target), ipv4);
        if (!NeedsLegacy(backend, ipv4))
            return;
        try
        {
            IptablesFirewall.AddLegacy(backend == FirewallBackend.Iptables ? target : WithoutPolicy(target), ipv4);
        }
        catch (CniException error)
        {
            throw new CniException(
                error.Code,
                $"chain FORWARD of iptables-legacy would stop the packets of container \"{target.Name.ContainerId}\", and cannot be opened: {error.Message}",
                error.Details,
                error);
        }
    }

    /// <summary>Tells what <see cref="Open"/> would have to make; null for nothing.</summary>
    internal static string? Missing(NftablesSocket nft, FirewallTarget target, FirewallBackend backend, bool ipv4)
    {
        if (NeedsNft(nft, backend, ipv4) && FirstMissing(IptablesOnNftFirewall.Read(nft, WithoutPolicy(target), ipv4), WithoutPolicy(target), ipv4) is { } missing)
            return missing;
        return NeedsLegacy(backend, ipv4)
            ? FirstMissing(IptablesFirewall.ReadLegacy(ipv4), backend == FirewallBackend.Iptables ? target : WithoutPolicy(target), ipv4)
            : null;
    }

    /// <summary>The first line of the layout that is not there; null when all are.</summary>
    internal static string? FirstMissing(IReadOnlySet<string> present, FirewallTarget target, bool ipv4)
    {
        foreach (var (line, _) in IptablesLayout.Wanted(target, ipv4))
        {
            if (!present.Contains(line))
                return $"\"{line}\" in table filter of {(ipv4 ? "iptables" : "ip6tables")}";
        }

        return null;
    }

    // firewalld may itself keep its rules in iptables, and they must not be passed by; its FORWARD has policy ACCEPT then.
    private static bool NeedsNft(NftablesSocket nft, FirewallBackend backend, bool ipv4) =>
        !(backend == FirewallBackend.Iptables && !IptablesFirewall.IsLegacyDefault(ipv4))
        && IptablesLayout.Blocks(IptablesOnNftFirewall.ReadForward(nft, ipv4), policyOnly: backend == FirewallBackend.Firewalld);

    private static bool NeedsLegacy(FirewallBackend backend, bool ipv4) =>
        !(backend == FirewallBackend.Iptables && IptablesFirewall.IsLegacyDefault(ipv4))
        && IptablesFirewall.IsLegacyUsed(ipv4)
        && IptablesLayout.Blocks(IptablesFirewall.ReadLegacy(ipv4), policyOnly: backend == FirewallBackend.Firewalld);

    private static FirewallTarget WithoutPolicy(FirewallTarget target) => target with { Bridge = null };
}
