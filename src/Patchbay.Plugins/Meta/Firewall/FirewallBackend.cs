namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>Where the path of a container's packets is opened.</summary>
internal enum FirewallBackend
{
    /// <summary>The reference plugin's chains in iptables.</summary>
    Iptables,

    /// <summary>A table of our own in nf_tables.</summary>
    Nftables,

    /// <summary>A zone of firewalld.</summary>
    Firewalld,
}
