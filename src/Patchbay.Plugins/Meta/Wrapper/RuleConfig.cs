using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Meta.Wrapper.Iptables;
using Patchbay.Plugins.Sockets;

namespace Patchbay.Plugins.Meta.Wrapper;

/// <summary>The keys of rules.</summary>
internal sealed record RuleConfig
{
    private const int LongestWait = 600;

    internal bool UsesIptables { get; init; }

    /// <summary>Is locked while iptables works, for the agent's sake; null for none.</summary>
    internal IptablesLock? Lock { get; init; }

    /// <summary>The address of this host that ports are mapped at.</summary>
    internal required IPAddress InstanceAddress { get; init; }

    internal IReadOnlyList<IPAddress> UnderlayIps { get; init; } = [];

    internal IReadOnlyList<string> UnderlayNames { get; init; } = [];

    /// <summary>What is not masqueraded: the overlay.</summary>
    internal IpPrefix? NoMasquerade { get; init; }

    /// <summary>Name servers of this host itself, at link-local addresses: 169.254.0.0/16.</summary>
    internal IReadOnlyList<IPAddress> HostDns { get; init; } = [];

    internal IReadOnlyList<HostService> HostServices { get; init; } = [];

    internal IReadOnlyList<IpPrefix> DenyAlways { get; init; } = [];

    internal IReadOnlyList<IpPrefix> DenyRunning { get; init; } = [];

    internal IReadOnlyList<IpPrefix> DenyStaging { get; init; } = [];

    internal bool LogGroups { get; init; }

    internal bool LogContainers { get; init; }

    internal int DeniedLogsPerSecond { get; init; }

    internal int AcceptedUdpLogsPerSecond { get; init; }

    /// <summary>The mark of what came in by a mapped port.</summary>
    internal uint IngressTag { get; init; }

    internal required string Vtep { get; init; }

    /// <summary>Where the policy agent listens; null on a host without one.</summary>
    internal StreamEndpoint? Agent { get; init; }

    internal int AgentSeconds { get; init; }

    /// <summary>How many connections a second a container may open to one port; null for any number.</summary>
    internal ConnectionLimit? Limit { get; init; }

    /// <summary>The networks that a container may never reach, in the order in which packets meet them.</summary>
    internal IEnumerable<IpPrefix> Denied(string? workload)
    {
        var ofWorkload = workload switch { "app" or "task" => DenyRunning, "staging" => DenyStaging, _ => [] };
        return ofWorkload.Reverse().Concat(DenyAlways.Reverse());
    }

    internal static RuleConfig Read(JsonView root, IReadOnlyList<string> dnsServers, FileOwner? owner)
    {
        var backend = root.String("backend");
        if (backend is not (null or WrapperConfig.Nftables or WrapperConfig.Iptables))
            throw WrapperConfig.Invalid($"unrecognized backend \"{backend}\": it must be \"{WrapperConfig.Nftables}\", \"{WrapperConfig.Iptables}\" or absent");
        var iptables = backend == WrapperConfig.Iptables;
        if (iptables && root.String("iptables_lock_file") is not { Length: > 0 })
            throw WrapperConfig.Missing("iptables lock file path", "iptables_lock_file");
        var deny = root.Object("deny_networks");
        return new RuleConfig
        {
            UsesIptables = iptables,
            Lock = root.String("iptables_lock_file") is { Length: > 0 } file ? new IptablesLock(AbsolutePath(file), owner) : null,
            InstanceAddress = V4(root.Get("instance_address") ?? throw WrapperConfig.Missing("instance address", "instance_address")),
            UnderlayIps = root.Array("underlay_ips") is { Count: > 0 } ips ? [.. ips.Select(V4)] : throw WrapperConfig.Missing("underlay ips", "underlay_ips"),
            UnderlayNames = [.. (root.Array("temporary_underlay_interface_names") ?? []).Select(DeviceName)],
            NoMasquerade = root.String("no_masquerade_cidr_range") is { Length: > 0 } ? Prefix(root.Get("no_masquerade_cidr_range")!.Value, ipv6: false) : null,
            HostDns = [.. dnsServers.Select(text => IpText.TryParse(text)!).Where(IsLinkLocal)],
            HostServices = 
            [
                .. Services(root, "host_tcp_services", EgressRule.Tcp, AddressFamily.InterNetwork), .. Services(root, "host_udp_services", EgressRule.Udp, AddressFamily.InterNetwork),
                .. ServicesV6(root, "host_tcp_services_ipv6", EgressRule.Tcp, iptables), .. ServicesV6(root, "host_udp_services_ipv6", EgressRule.Udp, iptables),
            ],
            DenyAlways = Prefixes(deny, "always", iptables),
            DenyRunning = Prefixes(deny, "running", iptables),
            DenyStaging = Prefixes(deny, "staging", iptables),
            LogGroups = root.Boolean("iptables_asg_logging") ?? false,
            LogContainers = root.Boolean("iptables_c2c_logging") ?? false,
            DeniedLogsPerSecond = PerSecond(root, "iptables_denied_logs_per_sec", "denied logs per sec"),
            AcceptedUdpLogsPerSecond = PerSecond(root, "iptables_accepted_udp_logs_per_sec", "accepted udp logs per sec"),
            IngressTag = Tag(root),
            Vtep = DeviceName(root.Get("vtep_name") ?? throw WrapperConfig.Missing("vtep device name", "vtep_name")),
            Agent = AgentOf(root),
            AgentSeconds = (int)(root.Integer("policy_agent_timeout_seconds", 1, LongestWait) ?? 60),
            Limit = root.Object("outbound_connections") is { } connections ? ConnectionLimit.Read(connections) : null,
        };
    }

    private static string AbsolutePath(string path) =>
        path.StartsWith('/') && !path.EndsWith('/') && !path.Contains('\0', StringComparison.Ordinal) ? path : throw WrapperConfig.Invalid($"\"iptables_lock_file\" must be the absolute path of a file, not \"{path}\"");

    // The way to say that there is no agent is to say it.
    private static StreamEndpoint? AgentOf(JsonView root)
    {
        const string Key = "policy_agent_force_poll_address";
        var text = root.String(Key) ?? throw WrapperConfig.Invalid($"missing policy agent force poll address (\"{Key}\"; an empty text on a host without an agent)");
        if (text.Length == 0)
            return null;
        return StreamEndpoint.TryParse($"tcp://{text}") ?? throw WrapperConfig.Invalid($"\"{Key}\" must be an address and a port such as 127.0.0.1:8722, not \"{text}\"");
    }

    private static uint Tag(JsonView root)
    {
        var text = root.String("ingress_tag") is { Length: > 0 } told ? told : throw WrapperConfig.Missing("ingress tag", "ingress_tag");
        return uint.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var tag) && tag != 0 ? tag
            : throw WrapperConfig.Invalid($"\"ingress_tag\" must be up to eight hexadecimal digits such as ffff0000, not \"{text}\"");
    }

    private static int PerSecond(JsonView root, string key, string words) =>
        (int)(root.Integer(key, int.MinValue, int.MaxValue) is { } number && number is > 0 and <= 10_000 ? number : throw WrapperConfig.Invalid($"invalid {words} (\"{key}\"): it must be a number from 1 to 10000"));

    private static IEnumerable<HostService> Services(JsonView root, string key, byte protocol, AddressFamily family)
    {
        foreach (var each in root.Array(key) ?? [])
        {
            var ipv4 = family == AddressFamily.InterNetwork;
            yield return IPEndPoint.TryParse(each.AsString(), out var point) && point.AddressFamily == family && point.Port > 0
                ? new HostService(point.Address, protocol, (ushort)point.Port)
                : throw WrapperConfig.Invalid($"\"{each.Path}\" must be an {(ipv4 ? "IPv4" : "IPv6")} address and a port such as {(ipv4 ? "169.254.0.2:9001" : "[fd00::2]:9001")}, not \"{each.AsString()}\"");
        }
    }

    private static IEnumerable<HostService> ServicesV6(JsonView root, string key, byte protocol, bool iptables) => iptables && root.Array(key) is { Count: > 0 }
        ? throw WrapperConfig.Invalid($"\"{key}\" needs backend \"{WrapperConfig.Nftables}\": rules of iptables are for IPv4")
        : Services(root, key, protocol, AddressFamily.InterNetworkV6);

    private static List<IpPrefix> Prefixes(JsonView? lists, string key, bool iptables) => [.. (lists?.Array(key) ?? []).Select(each => Prefix(each, ipv6: !iptables))];

    private static IpPrefix Prefix(JsonView view, bool ipv6)
    {
        var prefix = view.AsPrefix();
        return prefix.IsIPv4 || ipv6 ? new IpPrefix(prefix.Network.BaseAddress, prefix.PrefixLength) : throw WrapperConfig.Invalid($"\"{view.Path}\" must be a network of IPv4, not {prefix}");
    }

    private static IPAddress V4(JsonView view) =>
        view.AsAddress() is { AddressFamily: AddressFamily.InterNetwork } address ? address : throw WrapperConfig.Invalid($"\"{view.Path}\" must be an IPv4 address, not {view.AsString()}");

    // The name becomes a word of a line of iptables-restore too.
    private static string DeviceName(JsonView view)
    {
        var name = view.AsString();
        Validation.InterfaceName(name);
        foreach (var c in name)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.' or '@'))
                throw WrapperConfig.Invalid($"\"{view.Path}\" has the character '{c}', which is none of an interface's name here: \"{name}\"");
        }

        return name;
    }

    private static bool IsLinkLocal(IPAddress address) => address.GetAddressBytes() is [169, 254, _, _];
}
