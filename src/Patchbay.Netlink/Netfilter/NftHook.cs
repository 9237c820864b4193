namespace Patchbay.Netlink.Netfilter;

/// <summary>Where a base chain enters the packets' way.</summary>
/// <param name="Type">The chain's kind: <c>filter</c>, <c>nat</c> or <c>route</c>.</param>
/// <param name="Point">The point.</param>
/// <param name="Priority">The order among chains at the same point: lower comes first; 100 is where source addresses are translated.</param>
public sealed record NftHook(string Type, NftHookPoint Point, int Priority)
{
    /// <summary>True when packets that reach the chain's end are dropped.</summary>
    public bool Drop { get; init; }

    /// <summary>The device of an ingress or egress chain; null elsewhere.</summary>
    public string? Device { get; init; }
}

/// <summary>Points on the way of a packet (NF_INET_*, which NF_BR_* equal).</summary>
public enum NftHookPoint
{
    /// <summary>On arrival, before routing.</summary>
    Prerouting = 0,

    /// <summary>For packets to this host.</summary>
    Input = 1,

    /// <summary>For packets that pass through.</summary>
    Forward = 2,

    /// <summary>For packets of this host.</summary>
    Output = 3,

    /// <summary>Before leaving, after routing.</summary>
    Postrouting = 4,

    /// <summary>On arrival at a device: NF_INET_INGRESS in family inet, NF_NETDEV_INGRESS in netdev.</summary>
    Ingress = 5,

    /// <summary>Before leaving a device: NF_NETDEV_EGRESS, in family netdev only.</summary>
    Egress = 6,
}
