using Patchbay.Netlink.Netfilter;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Policy.Agent.Native;

/// <summary>Ends connections that policies allowed and no longer allow: their mark tells a rule before all others to reject what belongs to them, in both directions.</summary>
/// <remarks>
/// To make the kernel forget them would not do: what the other side still sends, whose host knows the connection as established, would begin it anew. So they
/// stay known as long as anybody sends; and one that is allowed again is an ordinary one again.
/// </remarks>
internal static class RevokedConnections
{
    /// <summary>What of a connection's mark tells whether it is revoked; the rest is the tag of who opened it.</summary>
    internal const uint Mask = 0xffff0000;

    /// <summary>How it is then. Marks of other programs have other uses for these bits, so it is no single one.</summary>
    internal const uint Flag = 0xcf0f0000;

    /// <summary>Marks connections to the containers of a plan as what they are now.</summary>
    /// <returns>How many were cut.</returns>
    internal static int Settle(PolicyPlan plan, AgentOptions options, HashSet<uint> reusedTags)
    {
        int cut = 0;
        using var conntrack = ConntrackSocket.Open();
        foreach (byte protocol in (byte[])[AppPolicy.Tcp, AppPolicy.Udp])
        {
            conntrack.SetMarks(new ConntrackFilter(IPv4: true) { Protocol = protocol }, entry =>
            {
                uint mark = Mark(entry, plan, options, reusedTags);
                cut += mark != entry.Mark && (mark & Mask) == Flag ? 1 : 0;
                return mark;
            });
        }

        return cut;
    }

    /// <summary>Makes the kernel forget all connections of addresses whose container is gone: the next one to get the address has none of them.</summary>
    internal static void Forget(IEnumerable<Ipv4> addresses)
    {
        ConntrackFilter[] filters = [.. addresses.SelectMany(each => ConntrackFilter.Touching(each.ToAddress()))];
        if (filters.Length == 0)
            return;
        using var conntrack = ConntrackSocket.Open();
        conntrack.Delete(filters);
    }

    private static uint Mark(ConntrackEntry entry, PolicyPlan plan, AgentOptions options, HashSet<uint> reusedTags)
    {
        bool isRevoked = (entry.Mark & Mask) == Flag;
        uint tag = entry.Mark & ~Mask;
        // Another mark is another program's, and what goes elsewhere is another host's to decide.
        if (tag == 0 || (!isRevoked && tag != entry.Mark) || entry.Original is not { Source: { } source, Destination: { } destination }
            || plan.At(Ipv4.Of(destination.GetAddressBytes())) is not { } container)
            return entry.Mark;
        if (options.Unrestricted is { } network && network.Contains(source) && network.Contains(destination))
            return tag;
        ContainerPlan? sender = plan.At(Ipv4.Of(source.GetAddressBytes()));
        uint now = sender is null ? tag : sender.Tag ?? 0;
        bool isAllowed = (sender is not null || !reusedTags.Contains(tag))
            && container.Allowed.Any(each => each.Ports.Tag == now && each.Ports.Protocol == entry.Original.Protocol && each.Ports.Contains(entry.Original.DestinationPort));
        return isAllowed ? now : Flag | tag;
    }
}
