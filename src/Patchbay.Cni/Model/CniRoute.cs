using System.Net;

namespace Patchbay.Cni.Model;

/// <summary>A route that a result or an IPAM configuration names.</summary>
public sealed record CniRoute
{
    /// <summary>Where it leads; 0.0.0.0/0 or ::/0 for the default route.</summary>
    public required IpPrefix Dst { get; init; }

    /// <summary>Next hop; null for the gateway of the address.</summary>
    public IPAddress? Gw { get; init; }

    /// <summary>MTU along the route in bytes; 0 when not told.</summary>
    public int Mtu { get; init; }

    /// <summary>Largest TCP segment to advertise in bytes; 0 when not told.</summary>
    public int AdvMss { get; init; }

    /// <summary>Metric, lower wins; 0 when not told.</summary>
    public int Priority { get; init; }

    /// <summary>Routing table, or null for main.</summary>
    public int? Table { get; init; }

    /// <summary>Scope (rtnetlink(7): 0 universe, 253 link, 254 host), or null.</summary>
    public int? Scope { get; init; }

    /// <summary>Reads a route as results and IPAM configurations write it.</summary>
    /// <param name="view">The object.</param>
    /// <returns>The route.</returns>
    /// <exception cref="CniException">Code 999: a field has the wrong type; the text names it.</exception>
    public static CniRoute Read(JsonView view) => new()
    {
        Dst = view.Prefix("dst") ?? throw view.Error("has no \"dst\": a route needs a destination in CIDR notation"),
        Gw = view.Address("gw"),
        Mtu = (int)(view.Integer("mtu", 0, int.MaxValue) ?? 0),
        AdvMss = (int)(view.Integer("advmss", 0, int.MaxValue) ?? 0),
        Priority = (int)(view.Integer("priority", int.MinValue, int.MaxValue) ?? 0),
        Table = (int?)view.Integer("table", int.MinValue, int.MaxValue),
        Scope = (int?)view.Integer("scope", 0, 255),
    };
}
