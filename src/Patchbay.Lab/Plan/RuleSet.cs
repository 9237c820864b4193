using System.Net;
using Patchbay.Netlink.Netfilter;

namespace Patchbay.Lab.Plan;

/// <summary>The packet filter's part of a lab in one namespace: forwarded ports, and addresses behind addresses.</summary>
/// <remarks>
/// A table of the lab's own, made anew as a whole when anything differs; its comment is the digest of what is in it. Nobody else's
/// chain is touched, and whatever else filters packets still does.
/// </remarks>
internal sealed record RuleSet(IReadOnlyList<Forward> Forwards, IReadOnlyList<NatRule> Nats)
{
    private const string Prerouting = "prerouting";
    private const string Output = "output";
    private const string Postrouting = "postrouting";
    private const NftFamily Family = NftFamily.Inet;
    private const int DestinationNat = -100; // NF_IP_PRI_NAT_DST
    private const int SourceNat = 100; // NF_IP_PRI_NAT_SRC

    // Connections that were forwarded come from here alone, so that answers find back: a bit of the packet's mark says so on its way.
    private const uint Mark = 0x0070_0000;

    /// <summary>The rules of a node; null when it needs none.</summary>
    public static RuleSet? Of(Topology topology, string node)
    {
        List<Forward> forwards = node.Length == 0 ? [.. topology.Links.SelectMany(link => link.Forwards)] : [];
        var nats = new List<NatRule>();
        foreach (var device in topology.Devices())
        {
            if (device.Node != node || device.Nat is not { } target)
                continue;
            var own = device.Addresses.FirstOrDefault(each => each.IsIPv4 == (target.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork));
            if (own.Address is not null)
                nats.Add(new NatRule(device.Name, own.Address, target));
        }

        return forwards.Count == 0 && nats.Count == 0 ? null : new RuleSet(forwards, nats);
    }

    public string Digest => StableHash.Text("3", string.Join('\n', Forwards), string.Join('\n', Nats));

    public override string ToString() => string.Join(", ", Forwards.Select(forward => $"{forward.Port} -> {new IPEndPoint(forward.Address, forward.TargetPort)}").Concat(Nats.Select(nat => $"{nat.Device} {nat.Own} -> {nat.Target}")));

    /// <summary>The whole table, in place of what was there.</summary>
    public NftablesTransaction Write(string table)
    {
        var transaction = new NftablesTransaction();
        transaction.Add(new NftTable(Family, table));
        transaction.DeleteTable(Family, table);
        transaction.Add(new NftTable(Family, table) { Comment = Digest });
        transaction.Add(new NftChain(Family, table, Prerouting) { Hook = new NftHook("nat", NftHookPoint.Prerouting, DestinationNat) });
        transaction.Add(new NftChain(Family, table, Output) { Hook = new NftHook("nat", NftHookPoint.Output, DestinationNat) });
        transaction.Add(new NftChain(Family, table, Postrouting) { Hook = new NftHook("nat", NftHookPoint.Postrouting, SourceNat) });
        foreach (var forward in Forwards)
        {
            foreach (var chain in (ReadOnlySpan<string>)[Prerouting, Output])
            {
                transaction.Add(new NftRule(Family, table, chain, new NftRuleBuilder(Family).NetworkFamily(IsIPv4(forward.Address)).DestinationPort(forward.Protocol, forward.Port)
                    .DestinationIsLocal().SetMark(Mark, Mark).DestinationNat(forward.Address, forward.TargetPort).Build()));
            }
        }

        foreach (var bridge in Forwards.Select(forward => forward.Bridge).Distinct())
            transaction.Add(new NftRule(Family, table, Postrouting, new NftRuleBuilder(Family).Output(bridge).Mark(Mark, Mark).Masquerade().Build()));
        foreach (var nat in Nats)
        {
            transaction.Add(new NftRule(Family, table, Prerouting, new NftRuleBuilder(Family).NetworkFamily(IsIPv4(nat.Target)).Input(nat.Device).DestinationNat(nat.Target).Build()));
            transaction.Add(new NftRule(Family, table, Postrouting, new NftRuleBuilder(Family).NetworkFamily(IsIPv4(nat.Own)).Output(nat.Device).SourceNat(nat.Own).Build()));
        }

        return transaction;
    }

    public static NftablesTransaction Remove(string table)
    {
        var transaction = new NftablesTransaction();
        transaction.DeleteTable(Family, table, Patchbay.Netlink.Tolerated.Missing);
        return transaction;
    }

    private static bool IsIPv4(IPAddress address) => address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork;
}

/// <summary>Everything that comes in at an interface goes to another address; what goes out has the interface's own.</summary>
internal sealed record NatRule(string Device, IPAddress Own, IPAddress Target);
