using Patchbay.Cni.Model;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Meta.Wrapper;

/// <summary>The interfaces by which this host reaches others: those that have its underlay addresses.</summary>
internal static class UnderlayInterfaces
{
    /// <summary>Their names, each once.</summary>
    /// <exception cref="CniException">Code 7: an address is none of this host's.</exception>
    internal static IReadOnlyList<string> Find(RuleConfig config)
    {
        if (config.UnderlayNames.Count > 0)
            return [.. config.UnderlayNames.Distinct()];
        using var route = RouteSocket.Open();
        var addresses = route.ListAddresses();
        var names = new List<string>();
        foreach (var ip in config.UnderlayIps)
        {
            var link = addresses.FirstOrDefault(each => each.Address.Equals(ip)) is { } found ? route.FindLink(found.Link) : null;
            var name = link?.Name ?? throw WrapperConfig.Invalid($"no interface of this host has the address {ip} (\"underlay_ips\"): correct it, or name interfaces in \"temporary_underlay_interface_names\"");
            if (!names.Contains(name))
                names.Add(name);
        }

        return names;
    }
}
