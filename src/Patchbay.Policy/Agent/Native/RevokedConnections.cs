using Patchbay.Netlink.Netfilter;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Policy.Agent.Native;

/// <summary>
/// Makes the kernel forget connections that are no longer allowed. Their next packet is like the first of a new one, and meets the policies of now; one that is
/// still allowed in another way would pass them, and is left alone.
/// </summary>
internal static class RevokedConnections
{
    /// <summary>Cuts what a change revoked.</summary>
    /// <param name="change">The change.</param>
    /// <param name="plan">What is allowed now; null when that is not known and nothing but containers' ends revokes anything.</param>
    /// <returns>How many connections were cut.</returns>
    internal static int Cut(TableChange change, PolicyPlan? plan)
    {
        HashSet<Ipv4> sources = [.. change.RevokedSources];
        ILookup<Port, AllowedPorts> revoked = change.Revoked.ToLookup(Key);
        if (sources.Count == 0 && revoked.Count == 0)
            return 0;
        ILookup<Port, AllowedPorts> allowed = (plan?.Allowed.Keys ?? []).Where(each => revoked.Contains(Key(each))).ToLookup(Key);
        int cut = 0;
        using var conntrack = ConntrackSocket.Open();
        foreach (byte protocol in (byte[])[AppPolicy.Tcp, AppPolicy.Udp])
        {
            conntrack.Delete(new ConntrackFilter(IPv4: true) { Protocol = protocol }, entry =>
            {
                if (entry.Mark == 0 || entry.Original.Source is not { } from || entry.Original.Destination is not { } to)
                    return false;
                var key = new Port(entry.Mark, Ipv4.Of(to.GetAddressBytes()), protocol);
                ushort port = entry.Original.DestinationPort;
                bool isCut = sources.Contains(Ipv4.Of(from.GetAddressBytes()))
                    || (revoked[key].Any(each => each.Contains(port)) && !allowed[key].Any(each => each.Contains(port)));
                cut += isCut ? 1 : 0;
                return isCut;
            });
        }

        return cut;
    }

    private static Port Key(AllowedPorts each) => new(each.Tag, each.Address, each.Protocol);

    private readonly record struct Port(uint Tag, Ipv4 Address, byte Protocol);
}
