using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Meta.Wrapper;

/// <summary>What a container may reach: one range of addresses and one of ports, of a rule of Garden.</summary>
/// <param name="First">The first address, in the machine's order.</param>
/// <param name="Last">The last address.</param>
/// <param name="Protocol">IP protocol number; 0 for all.</param>
/// <param name="FirstPort">The first port; of ICMP type and code in one number, <c>type &lt;&lt; 8 | code</c>; 0 where there are no ports.</param>
/// <param name="LastPort">The last port, or type and code.</param>
/// <param name="Log">Whether what it lets through is logged.</param>
internal sealed record EgressRule(UInt128 First, UInt128 Last, byte Protocol, ushort FirstPort, ushort LastPort, bool Log)
{
    internal const byte Icmp = 1;
    internal const byte Tcp = 6;
    internal const byte Udp = 17;
    internal const byte IcmpV6 = 58;

    // garden.Protocol: all, TCP, UDP, ICMP, ICMPv6
    private static readonly byte[] Protocols = [0, Tcp, Udp, Icmp, IcmpV6];

    // garden.ICMPType and ICMPCode have eight bits: Cloud Foundry's -1, "any", arrives as this.
    private const int AnyIcmp = 255;

    /// <summary>Whether its addresses are of IPv6.</summary>
    internal bool IPv6 { get; init; }

    /// <summary>Reads rules of Garden, each network and each range of ports as one of these, in their order; what comes twice counts once.</summary>
    /// <param name="rules">The list; null for none.</param>
    /// <param name="ipv6">Whether rules for IPv6 count.</param>
    /// <param name="skipped">Is told what makes no rule, as with the reference.</param>
    /// <exception cref="CniException">A rule makes no sense; the text names the field.</exception>
    internal static List<EgressRule> Read(IReadOnlyList<JsonView>? rules, bool ipv6, Action<string> skipped)
    {
        var all = new List<EgressRule>();
        var seen = new HashSet<EgressRule>();
        foreach (var rule in rules ?? [])
        {
            var number = (int)(rule.Integer("protocol", 0, Protocols.Length - 1) ?? 0);
            var protocol = Protocols[number];
            var log = rule.Boolean("log") ?? false;
            var networks = rule.Array("networks") ?? [];
            var parts = PortsOf(rule, protocol, out var missing);
            if (missing is not null || networks.Count == 0)
            {
                skipped($"{rule.Path} is skipped: it has no {missing ?? "networks"}");
                continue;
            }

            foreach (var network in networks)
            {
                var (from, to, isIPv6) = ReadNetwork(network);
                if (Mismatch(protocol, isIPv6, ipv6) is { } why)
                {
                    skipped($"{network.Path} is skipped: {why}");
                    continue;
                }

                foreach (var (first, last) in parts)
                {
                    var one = new EgressRule(from, to, protocol, first, last, log) { IPv6 = isIPv6 };
                    if (seen.Add(one))
                        all.Add(one);
                }
            }
        }

        return all;
    }

    /// <summary>The range of addresses as iptables(8) takes it: <c>10.0.0.1-10.0.0.9</c>.</summary>
    internal string Range => $"{ToAddress(First, IPv6)}-{ToAddress(Last, IPv6)}";

    internal static IPAddress ToAddress(UInt128 number, bool ipv6)
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, number);
        return new IPAddress(ipv6 ? bytes : bytes[12..]);
    }

    internal static UInt128 ToNumber(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        address.TryWriteBytes(address.AddressFamily == AddressFamily.InterNetwork ? bytes[12..] : bytes, out _);
        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    private static string? Mismatch(byte protocol, bool isIPv6, bool ipv6)
    {
        if (isIPv6 && !ipv6)
            return "rules are for IPv4";
        return protocol == (isIPv6 ? Icmp : IcmpV6) ? "its ICMP is of the other family" : null;
    }

    private static List<(ushort First, ushort Last)> PortsOf(JsonView rule, byte protocol, out string? missing)
    {
        missing = null;
        var parts = new List<(ushort, ushort)>();
        switch (protocol)
        {
            case Tcp or Udp:
                foreach (var range in rule.Array("ports") ?? [])
                {
                    var start = (ushort)(range.Integer("start", 1, ushort.MaxValue) ?? throw range.Error("has no \"start\""));
                    var end = (ushort)(range.Integer("end", 0, ushort.MaxValue) ?? 0);
                    if (end != 0 && end < start)
                        throw range.Error($"ends before it starts: {start} to {end}");
                    parts.Add((start, end == 0 ? start : end));
                }

                missing = parts.Count == 0 ? "ports" : null;
                break;
            case Icmp or IcmpV6:
                if (rule.Object("icmps") is not { } icmp || icmp.Integer("type", -1, AnyIcmp) is not { } type || icmp.Integer("code", -1, AnyIcmp) is not { } code)
                {
                    missing = "ICMP type or code";
                    break;
                }

                var anyCode = code is -1 or AnyIcmp;
                parts.Add(type is -1 or AnyIcmp ? ((ushort)0, ushort.MaxValue) : ((ushort)((type << 8) | (anyCode ? 0 : code)), (ushort)((type << 8) | (anyCode ? AnyIcmp : code))));
                break;
            default:
                parts.Add((0, 0));
                break;
        }

        return parts;
    }

    // A range with a start alone is one address.
    private static (UInt128 First, UInt128 Last, bool IsIPv6) ReadNetwork(JsonView network)
    {
        var start = network.Address("start") ?? throw network.Error("has no \"start\"");
        var end = network.Address("end") ?? start;
        if (start.AddressFamily != end.AddressFamily)
            throw network.Error($"goes from one family of addresses to another: {start} to {end}");
        var (first, last) = (ToNumber(start), ToNumber(end));
        return first <= last ? (first, last, start.AddressFamily == AddressFamily.InterNetworkV6) : throw network.Error($"ends before it starts: {start} to {end}");
    }
}
