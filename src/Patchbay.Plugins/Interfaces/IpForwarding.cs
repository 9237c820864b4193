using System.Net;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Interfaces;

/// <summary>Lets the host forward packets of the address families that are in use.</summary>
internal static class IpForwarding
{
    /// <summary>Turns forwarding on for each family among the addresses, unless it is on.</summary>
    internal static void Enable(SysctlDirectory sysctl, IEnumerable<IPAddress> addresses)
    {
        bool ipv4 = false, ipv6 = false;
        foreach (var address in addresses)
        {
            if (RouteSocket.FamilyOf(address) == AddressFamily.IPv4)
                ipv4 = true;
            else
                ipv6 = true;
        }

        if (ipv4)
            sysctl.Ensure("ipv4/ip_forward", "1");
        if (ipv6)
            sysctl.Ensure("ipv6/conf/all/forwarding", "1");
    }
}
