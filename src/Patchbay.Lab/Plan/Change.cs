using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Lab.Plan;

/// <summary>One step from what is to what should be.</summary>
internal abstract record Change
{
    /// <summary><c>+</c> makes something, <c>-</c> removes it, <c>~</c> changes it.</summary>
    public abstract char Sign { get; }

    /// <summary>The line of a diff, without the sign.</summary>
    public abstract string Describe();

    public sealed override string ToString() => $"{Sign} {Describe()}";
}

internal sealed record AddNode(LabNode Node) : Change
{
    public override char Sign => '+';

    public override string Describe() => $"node {Node.Name}";
}

/// <param name="Name">The name below /run/netns.</param>
/// <param name="Lab">The lab's name, with which that begins.</param>
internal sealed record RemoveNamespace(string Name, string Lab) : Change
{
    public override char Sign => '-';

    public override string Describe() => $"node {Name[(Lab.Length + 1)..]}";
}

internal sealed record RemoveOvsBridge(string Name) : Change
{
    public override char Sign => '-';

    public override string Describe() => $"bridge {Name}";
}

/// <summary>A port of an interface that is not wanted any more; one that is gone for a moment stays, and Open vSwitch finds it when it is back.</summary>
internal sealed record RemoveOvsPort(string Bridge, string Name) : Change
{
    public override char Sign => '-';

    public override string Describe() => $"port {Name} of bridge {Bridge}";
}

internal sealed record AddSegment(Segment Segment) : Change
{
    public override char Sign => '+';

    public override string Describe() => $"bridge {Segment.Name}{(Segment.Mode == Schema.BridgeMode.Linux ? "" : $" ({Segment.Mode})")}{Texts.Of(Segment.Device?.Addresses ?? [])}";
}

internal sealed record AddLink(LabLink Link) : Change
{
    public override char Sign => '+';

    public override string Describe()
    {
        var kind = Link.Tunnel is not null ? "tunnel" : Link.Type == Schema.LinkType.Veth ? "link" : Link.Type == Schema.LinkType.Link ? "loan" : Link.Type.ToString().ToLowerInvariant();
        var egress = Link.End.Egress is { } impairment ? $", {NetemText.Write(impairment)}" : "";
        return $"{kind} {Link}{Texts.Of(Link.End.Addresses)}{(Link.Peer is { Node.Length: > 0 } peer ? Texts.Of(peer.Addresses) : "")}{egress}";
    }
}

internal sealed record RemoveDevice(string Node, int Index, string Name) : Change
{
    public override char Sign => '-';

    public override string Describe() => $"interface {(Node.Length == 0 ? Name : $"{Node}:{Name}")}";
}

/// <summary>An interface of the host goes back there.</summary>
internal sealed record ReturnDevice(string Node, int Index, string Name, string Original) : Change
{
    public override char Sign => '-';

    public override string Describe() => $"loan {Original} as {(Node.Length == 0 ? Name : $"{Node}:{Name}")}";
}

/// <summary>What differs at an interface that is there.</summary>
internal sealed record ChangeDevice(Device Device, int Index) : Change
{
    public override char Sign => '~';

    public bool AddMark { get; init; }

    public bool SetUp { get; init; }

    public int? Mtu { get; init; }

    public MacAddress? Mac { get; init; }

    /// <summary>It joins its master.</summary>
    public bool SetMaster { get; init; }

    public Segment? Bridge { get; init; }

    public IReadOnlyList<Prefix> AddAddresses { get; init; } = [];

    public IReadOnlyList<InterfaceAddress> RemoveAddresses { get; init; } = [];

    public IReadOnlyList<Route> AddRoutes { get; init; } = [];

    public IReadOnlyList<Route> RemoveRoutes { get; init; } = [];

    /// <summary>The impairment becomes that of the device.</summary>
    public bool SetEgress { get; init; }

    public Impairment? OldEgress { get; init; }

    public bool SetRedirect { get; init; }

    public bool SetVlans { get; init; }

    public IReadOnlyList<BridgeVlan> OldVlans { get; init; } = [];

    /// <summary>Features to switch.</summary>
    public IReadOnlyList<(string Feature, bool On)> SetFeatures { get; init; } = [];

    /// <summary>It becomes a port of its bridge of Open vSwitch.</summary>
    public bool SetOvsPort { get; init; }

    public bool IsEmpty => !AddMark && !SetUp && Mtu is null && Mac is null && !SetMaster && Bridge is null && AddAddresses.Count == 0 && RemoveAddresses.Count == 0
        && AddRoutes.Count == 0 && RemoveRoutes.Count == 0 && !SetEgress && !SetRedirect && !SetVlans && SetFeatures.Count == 0 && !SetOvsPort;

    public override string Describe()
    {
        var what = new List<string>();
        if (AddMark)
            what.Add("mark");
        if (Mtu is { } mtu)
            what.Add($"mtu {mtu}");
        if (Mac is { } mac)
            what.Add($"mac {mac}");
        if (SetMaster)
            what.Add($"bridge {Device.Master}");
        if (Bridge is not null)
            what.Add("bridge options");
        if (SetUp)
            what.Add("up");
        what.AddRange(RemoveAddresses.Select(address => $"-{address}"));
        what.AddRange(AddAddresses.Select(address => $"+{address}"));
        what.AddRange(RemoveRoutes.Select(route => $"-route {route}"));
        what.AddRange(AddRoutes.Select(route => $"+route {route}"));
        if (SetEgress)
            what.Add($"netem {NetemText.Write(OldEgress)} -> {NetemText.Write(Device.Egress)}");
        if (SetRedirect)
            what.Add(Device.RedirectTo is null ? "no redirection" : $"redirection to {Device.RedirectTo}");
        if (SetVlans)
            what.Add("vlans");
        what.AddRange(SetFeatures.Select(each => $"{each.Feature} {(each.On ? "on" : "off")}"));
        if (SetOvsPort)
            what.Add($"bridge {Device.OvsBridge}");
        return $"interface {Device}: {string.Join(", ", what)}";
    }
}

internal sealed record SetSysctl(string Node, string Path, string Value, string? Old) : Change
{
    public override char Sign => '~';

    public override string Describe() => $"sysctl {(Node.Length == 0 ? "" : $"{Node}:")}{Path} {Old ?? "(none)"} -> {Value}";
}

/// <param name="Node">Where.</param>
/// <param name="Rules">The rules; null to remove the table.</param>
internal sealed record SetRules(string Node, RuleSet? Rules) : Change
{
    public override char Sign => Rules is null ? '-' : '~';

    public override string Describe() => $"packet filter of {(Node.Length == 0 ? "here" : Node)}{(Rules is null ? "" : $": {Rules}")}";
}

internal static class Texts
{
    public static string Of(IReadOnlyList<Prefix> addresses) => addresses.Count == 0 ? "" : $" {string.Join(' ', addresses)}";
}
