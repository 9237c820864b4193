using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>Where the ports lead to: the first address of each family that the result has for the container's interface.</summary>
/// <param name="IPv4">The IPv4 address, or null.</param>
/// <param name="IPv6">The IPv6 address, or null.</param>
internal sealed record ContainerAddresses(IpPrefix? IPv4, IpPrefix? IPv6)
{
    internal static readonly bool[] Families = [true, false];

    internal IpPrefix? Of(bool ipv4) => ipv4 ? IPv4 : IPv6;

    /// <summary>Finds them in the result of the plugin before; none when there is no result.</summary>
    internal static ContainerAddresses Find(PluginRequest request)
    {
        IpPrefix? ipv4 = null, ipv6 = null;
        var result = request.Config.PrevResult;
        foreach (var ip in result?.Ips ?? [])
        {
            // An address without an interface, or with one that the result does not have, counts as ours.
            if (ip.Interface is { } index && index >= 0 && index < result!.Interfaces.Count && !ChainedInterface.IsOwn(request, result.Interfaces[index]))
                continue;
            if (ip.Address.IsIPv4)
                ipv4 ??= ip.Address;
            else
                ipv6 ??= ip.Address;
        }

        return new ContainerAddresses(ipv4, ipv6);
    }
}
