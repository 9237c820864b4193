using System.Net;

namespace Patchbay.Cni.Model;

/// <summary>An address that a result names.</summary>
public sealed record CniIp
{
    /// <summary>Index into <see cref="CniResult.Interfaces"/>, or null when unknown.</summary>
    public int? Interface { get; init; }

    /// <summary>The address with its prefix length.</summary>
    public required IpPrefix Address { get; init; }

    /// <summary>The gateway of the subnet, or null.</summary>
    public IPAddress? Gateway { get; init; }
}
