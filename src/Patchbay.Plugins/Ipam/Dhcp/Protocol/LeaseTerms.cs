using System.Net;
using System.Numerics;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Ipam.Dhcp.Protocol;

/// <summary>What a server's DHCPACK grants, in the terms of a result.</summary>
internal sealed class LeaseTerms
{
    private const int LinkScope = 253; // rtnetlink(7)

    private static readonly TimeSpan DefaultLength = TimeSpan.FromMinutes(60);

    private readonly DhcpOptions _options;

    internal LeaseTerms(DhcpMessage ack)
    {
        _options = ack.Options;
        Address = ack.YourAddress;
        Length = _options.Number(DhcpOption.LeaseTime) is { } seconds ? Span(seconds) : DefaultLength;
        var renewal = _options.Number(DhcpOption.RenewalTime) is { } t1 ? Span(t1) : Length * 0.5;
        var rebinding = _options.Number(DhcpOption.RebindingTime) is { } t2 ? Span(t2) : Length * 0.85;
        bool sane = renewal > TimeSpan.Zero && renewal < rebinding && rebinding < Length;
        Renewal = sane ? renewal : Length * 0.5;
        Rebinding = sane ? rebinding : Length * 0.85;
    }

    /// <summary>The address given.</summary>
    internal uint Address { get; }

    /// <summary>How long it is ours; for ever with <see cref="TimeSpan.MaxValue"/>.</summary>
    internal TimeSpan Length { get; }

    /// <summary>T1: when to ask the server to prolong it.</summary>
    internal TimeSpan Renewal { get; }

    /// <summary>T2: when to ask any server.</summary>
    internal TimeSpan Rebinding { get; }

    /// <summary>True when the lease never ends (RFC 2131 section 3.3: all bits one).</summary>
    internal bool IsForEver => Length == TimeSpan.MaxValue;

    /// <summary>Option 26, if it is one that IPv4 can live with (RFC 791: 576 bytes must pass); 0 for none.</summary>
    internal int Mtu => _options[DhcpOption.InterfaceMtu] is [var high, var low] && (high << 8 | low) >= 576 ? high << 8 | low : 0;

    /// <summary>Option 42.</summary>
    internal string[] NtpServers => [.. _options.Numbers(DhcpOption.NtpServers).Select(Text)];

    /// <summary>The result of an IPAM plugin.</summary>
    /// <param name="priority">Metric of all routes; 0 for none.</param>
    /// <exception cref="CniException">The server told no usable mask.</exception>
    internal CniResult ToResult(int priority)
    {
        uint mask = _options.Number(DhcpOption.SubnetMask) ?? throw new CniException(CniError.Internal, "DHCP option Subnet Mask not found in DHCPACK");
        if (~mask != 0 && (~mask & (~mask + 1)) != 0)
            throw new CniException(CniError.Internal, $"DHCP option Subnet Mask in DHCPACK is {Text(mask)}, which is no mask");
        uint[] routers = _options.Numbers(DhcpOption.Routers);
        IPAddress? gateway = routers.Length > 0 && routers[0] != 0 ? ToAddress(routers[0]) : null;
        return new CniResult
        {
            Ips = [new CniIp { Address = new IpPrefix(ToAddress(Address), BitOperations.PopCount(mask)), Gateway = gateway }],
            Routes = [.. Routes(gateway).Select(route => route with { Priority = priority })],
            Dns = new CniDns
            {
                Nameservers = [.. _options.Numbers(DhcpOption.DomainNameServers).Where(server => server != 0).Select(Text).Distinct()],
                Domain = DomainNames.Single(_options[DhcpOption.DomainName]),
                Search = DomainNames.List(_options[DhcpOption.DomainSearch]),
            },
        };
    }

    internal static IPAddress ToAddress(uint address) => new([(byte)(address >> 24), (byte)(address >> 16), (byte)(address >> 8), (byte)address]);

    /// <summary>An address as people write it.</summary>
    internal static string Text(uint address) => ToAddress(address).ToString();

    // A client that understands option 121 must not look at 33 and 3 when it is there (RFC 3442).
    private List<CniRoute> Routes(IPAddress? gateway)
    {
        if (ClasslessRoutes(_options[DhcpOption.ClasslessStaticRoutes]) is { Count: > 0 } classless)
            return classless;
        var routes = new List<CniRoute>();
        uint[] pairs = _options.Numbers(DhcpOption.StaticRoutes);
        for (int i = 0; i + 1 < pairs.Length; i += 2)
        {
            // 0.0.0.0 is no legal destination here (RFC 2132 section 5.8); the mask is that of the address's class.
            if (pairs[i] == 0 || ClassOf(pairs[i]) is not { } length)
                continue;
            routes.Add(new CniRoute { Dst = new IpPrefix(ToAddress(pairs[i] & Mask(length)), length), Gw = ToAddress(pairs[i + 1]) });
        }

        if (gateway is not null)
            routes.Add(new CniRoute { Dst = new IpPrefix(IPAddress.Any, 0), Gw = gateway });
        return routes;
    }

    // RFC 3442: length of the prefix, its significant bytes, router; a router of 0.0.0.0 says that the destination is on the link.
    private static List<CniRoute>? ClasslessRoutes(byte[]? value)
    {
        var routes = new List<CniRoute>();
        for (int at = 0; value is not null && at < value.Length;)
        {
            int length = value[at++], significant = (length + 7) / 8;
            if (length > 32 || value.Length - at < significant + 4)
                return null; // not to be trusted in part: what is missing may be the default route
            uint destination = 0;
            for (int i = 0; i < significant; i++)
                destination |= (uint)value[at + i] << (24 - (8 * i));
            at += significant;
            uint router = (uint)value[at] << 24 | (uint)value[at + 1] << 16 | (uint)value[at + 2] << 8 | value[at + 3];
            at += 4;
            routes.Add(new CniRoute
            {
                Dst = new IpPrefix(ToAddress(destination & Mask(length)), length),
                Gw = ToAddress(router), // 0.0.0.0 is written out too: without it a plugin would put in the gateway of the address
                Scope = router == 0 ? LinkScope : null,
            });
        }

        return routes;
    }

    private static int? ClassOf(uint address) => (address >> 24) switch
    {
        < 128 => 8,
        < 192 => 16,
        < 224 => 24,
        _ => null,
    };

    private static uint Mask(int length) => length == 0 ? 0 : uint.MaxValue << (32 - length);

    private static TimeSpan Span(uint seconds) => seconds == uint.MaxValue ? TimeSpan.MaxValue : TimeSpan.FromSeconds(Math.Max(seconds, 1));
}
