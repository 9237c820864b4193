using System.Net;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Meta.Sbr;

/// <summary>How packets are routed by their source.</summary>
/// <param name="Table">A table that somebody else fills: only rules are made. Null for tables of our own.</param>
/// <param name="Gateway4">The IPv4 gateway, in place of the addresses' own.</param>
/// <param name="Gateway6">The IPv6 gateway.</param>
/// <param name="AddSourceHints">Keep the routes to the subnets in the main table, with the address as the source to prefer.</param>
internal sealed record SbrConfig(uint? Table, IPAddress? Gateway4, IPAddress? Gateway6, bool AddSourceHints)
{
    /// <summary>Reads the configuration.</summary>
    /// <exception cref="CniException">A value is wrong; the text names it.</exception>
    internal static SbrConfig Read(JsonView root)
    {
        var gateways = root.Strings("gateways") ?? [];
        if (gateways.Count > 2)
            throw Wrong($"gateways list cannot contain more than 2 entries (one IPv4 and one IPv6), it has {gateways.Count}");
        IPAddress? ipv4 = null, ipv6 = null;
        foreach (var text in gateways)
        {
            var gateway = IpText.TryParse(text) ?? throw Wrong($"invalid static gateway IP address: {text}");
            if (gateway.IsIPv4MappedToIPv6)
                gateway = gateway.MapToIPv4();
            ref var own = ref gateway.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? ref ipv4 : ref ipv6;
            if (own is not null)
                throw Wrong($"gateways list contains multiple {(own == ipv4 ? "IPv4" : "IPv6")} addresses: {own} and {gateway}");
            own = gateway;
        }

        return new SbrConfig(ReadTable(root), ipv4, ipv6, root.Boolean("addSourceHints") ?? false);
    }

    /// <summary>The one key that DEL needs.</summary>
    /// <exception cref="CniException">It is no number of a table.</exception>
    internal static uint? ReadTable(JsonView root) => (uint?)root.Integer("table", 1, uint.MaxValue);

    private static CniException Wrong(string text) => new(CniError.InvalidNetworkConfig, text);
}
