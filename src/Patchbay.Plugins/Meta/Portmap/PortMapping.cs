using System.Net;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>One port of the host that leads to a port of the container.</summary>
/// <param name="Protocol">The transport protocol.</param>
/// <param name="HostPort">The port of the host.</param>
/// <param name="ContainerPort">The port of the container.</param>
/// <param name="HostIp">The one address of the host at which it is; null for all.</param>
/// <param name="OnlyIPv4">True for IPv4 alone, false for IPv6 alone, null for both: what the address said before it stood for all.</param>
internal readonly record struct PortMapping(Transport Protocol, ushort HostPort, ushort ContainerPort, IPAddress? HostIp, bool? OnlyIPv4)
{
    /// <summary>Whether it concerns packets of a family.</summary>
    internal bool AppliesTo(bool ipv4) => OnlyIPv4 is not { } only || only == ipv4;

    /// <summary>As people write it.</summary>
    internal string Text(bool ipv4) => Describe(Protocol, HostPort, HostIp, ipv4);

    internal static string Describe(Transport protocol, ushort port, IPAddress? hostIp, bool ipv4) => hostIp is null
        ? $"host port {port}/{protocol.Word()} ({(ipv4 ? "IPv4" : "IPv6")})"
        : $"host port {port}/{protocol.Word()} of {IpText.Format(hostIp)}";
}

/// <summary>Transport protocols with ports, by their IP protocol number.</summary>
internal enum Transport : byte
{
    Tcp = 6,
    Udp = 17,
    Dccp = 33,
    Sctp = 132,
}

internal static class TransportText
{
    /// <summary>The protocol as iptables(8), nft(8) and configurations write it.</summary>
    internal static string Word(this Transport protocol) => protocol switch
    {
        Transport.Tcp => "tcp",
        Transport.Udp => "udp",
        Transport.Dccp => "dccp",
        Transport.Sctp => "sctp",
        _ => ((byte)protocol).ToString(System.Globalization.CultureInfo.InvariantCulture),
    };

    /// <summary>Reads a protocol, in any case; null when it is none of those with ports.</summary>
    internal static Transport? Parse(string text) => text.ToLowerInvariant() switch
    {
        "tcp" => Transport.Tcp,
        "udp" => Transport.Udp,
        "dccp" => Transport.Dccp,
        "sctp" => Transport.Sctp,
        _ => null,
    };
}
