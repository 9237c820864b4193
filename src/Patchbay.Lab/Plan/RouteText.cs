using System.Globalization;
using System.Net;
using Patchbay.Netlink.Rtnetlink;
using AddressFamily = Patchbay.Netlink.Rtnetlink.AddressFamily;

namespace Patchbay.Lab.Plan;

/// <summary>Reads a route as ip-route(8) writes it: <c>default via 10.0.0.1</c>, <c>10.0.0.0/8 via 10.1.0.100 metric 50</c>, <c>fd00::/8</c>.</summary>
internal static class RouteText
{
    private const uint OnLink = 4; // RTNH_F_ONLINK, include/uapi/linux/rtnetlink.h

    /// <param name="text">The route, without <c>ip route add</c>.</param>
    /// <param name="device">The interface it is for, which the text may repeat.</param>
    /// <param name="route">The route, without the interface's index.</param>
    /// <returns>What is wrong with the text; null when nothing is.</returns>
    public static string? TryParse(string text, string device, out Route? route)
    {
        route = null;
        var words = new Queue<string>(text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        if (words.Count == 0)
            return "expected a route such as \"default via 10.0.0.1\", found nothing";
        var type = RouteType.Unicast;
        if (words.Peek() is "unicast" or "blackhole" or "unreachable" or "prohibit")
            type = Enum.Parse<RouteType>(words.Dequeue(), ignoreCase: true);
        if (!words.TryDequeue(out var target))
            return $"expected a network or \"default\" after \"{text}\"";
        Prefix destination = default;
        var isDefault = target is "default" or "0/0" or "0.0.0.0/0" or "::/0";
        if (!isDefault && !TryParseNetwork(target, out destination))
            return $"expected a network such as 10.0.0.0/8 or fd00::/8, or \"default\", found \"{target}\"";
        if (!isDefault && !Prefix.NetworkOf(destination.Address, destination.Length).Equals(destination.Address))
            return $"expected a network, but \"{target}\" has bits set beyond its {destination.Length}; the network is {Prefix.NetworkOf(destination.Address, destination.Length)}/{destination.Length}";

        IPAddress? gateway = null, source = null;
        uint metric = 0, table = Route.MainTable, mtu = 0, mss = 0, flags = 0;
        RouteScope? scope = null;
        while (words.TryDequeue(out var word))
        {
            if (word == "onlink")
            {
                flags |= OnLink;
                continue;
            }

            if (!words.TryDequeue(out var value))
                return $"expected a value after \"{word}\"";
            switch (word)
            {
                case "via":
                    if (value is "inet" or "inet6" && !words.TryDequeue(out value))
                        return "expected an address after \"via\"";
                    if (!Prefix.TryParseAddress(value!, out gateway))
                        return $"expected an address after \"via\", found \"{value}\"";
                    break;
                case "src":
                    if (!Prefix.TryParseAddress(value, out source))
                        return $"expected an address after \"src\", found \"{value}\"";
                    break;
                case "dev":
                    if (value != device)
                        return $"expected a route of the interface \"{device}\", found one of \"{value}\"";
                    break;
                case "metric" or "preference" or "priority":
                    if (!TryNumber(value, out metric))
                        return $"expected a number after \"{word}\", found \"{value}\"";
                    break;
                case "mtu" or "advmss":
                    if (!TryNumber(value == "lock" && words.TryDequeue(out var locked) ? locked : value, out var number))
                        return $"expected a number after \"{word}\", found \"{value}\"";
                    (mtu, mss) = word == "mtu" ? (number, mss) : (mtu, number);
                    break;
                case "table":
                    if (value != "main" && !TryNumber(value, out table))
                        return $"expected a number or \"main\" after \"table\", found \"{value}\"";
                    break;
                case "scope":
                    scope = value switch { "link" => RouteScope.Link, "host" => RouteScope.Host, "global" => RouteScope.Universe, _ => null };
                    if (scope is null)
                        return $"expected link, host or global after \"scope\", found \"{value}\"";
                    break;
                default:
                    return $"expected one of via, src, dev, metric, mtu, advmss, table, scope, onlink, found \"{word}\"";
            }
        }

        var family = isDefault
            ? target == "::/0" ? AddressFamily.IPv6 : gateway is null ? AddressFamily.IPv4 : RouteSocket.FamilyOf(gateway)
            : RouteSocket.FamilyOf(destination.Address);
        route = new Route
        {
            Family = family,
            Destination = isDefault ? null : new IPNetwork(destination.Address, destination.Length),
            Gateway = gateway,
            PreferredSource = source,
            Priority = metric,
            Table = table,
            Mtu = mtu,
            AdvertisedMss = mss,
            Flags = flags,
            Type = type,
            Protocol = Ownership.Protocol,
            Scope = scope ?? (gateway is null && family == AddressFamily.IPv4 && type == RouteType.Unicast ? RouteScope.Link : RouteScope.Universe),
            LinkName = device,
        };
        return null;
    }

    // A single address is a network of one, as for ip(8).
    private static bool TryParseNetwork(string text, out Prefix network)
    {
        if (Prefix.TryParse(text, out network))
            return true;
        if (!Prefix.TryParseAddress(text, out var address))
            return false;
        network = new Prefix(address, address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? 32 : 128);
        return true;
    }

    private static bool TryNumber(string text, out uint number) => uint.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
}
