using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Meta.Wrapper;

/// <summary>The plugin's keys. docs/wrapper.md lists them.</summary>
internal sealed record WrapperConfig
{
    internal const string Nftables = "nftables";
    internal const string Iptables = "iptables";

    // With one of these the wrapper makes rules, and then needs all that rules are made of. A list of networks to deny that nobody heeds would be worse than an error.
    private static readonly string[] RuleKeys =
    [
        "instance_address", "underlay_ips", "temporary_underlay_interface_names", "iptables_lock_file", "ingress_tag", "vtep_name", "policy_agent_force_poll_address",
        "iptables_denied_logs_per_sec", "iptables_accepted_udp_logs_per_sec", "deny_networks", "outbound_connections", "no_masquerade_cidr_range", "host_tcp_services",
        "host_udp_services", "host_tcp_services_ipv6", "host_udp_services_ipv6", "backend",
    ];

    /// <summary>Where containers are written down for the policy agent.</summary>
    internal required string Datastore { get; init; }

    /// <summary>Whose the datastore's files are; null for the plugin's own user.</summary>
    internal FileOwner? DatastoreOwner { get; init; }

    internal required JsonView Delegate { get; init; }

    internal required string DelegateType { get; init; }

    /// <summary>Name servers that the result gets.</summary>
    internal IReadOnlyList<string> DnsServers { get; init; } = [];

    /// <summary>How packets are filtered; null when that is somebody else's business, as in configurations of 2016.</summary>
    internal RuleConfig? Rules { get; init; }

    /// <summary>Reads the configuration.</summary>
    /// <exception cref="CniException">Code 7: a key is missing or makes no sense; 999: so does a name server.</exception>
    internal static WrapperConfig Read(NetworkConfig config)
    {
        var root = config.Root;
        var datastore = root.String("datastore") is { Length: > 0 } path ? path : throw Missing("datastore path", "datastore");
        if (!datastore.StartsWith('/') || datastore.EndsWith('/') || datastore.Contains('\0', StringComparison.Ordinal))
            throw Invalid($"\"datastore\" must be the absolute path of a file, not \"{datastore}\"");
        var inner = root.Object("delegate");
        var type = inner?.Get("type") is { } text && text.Element.ValueKind == System.Text.Json.JsonValueKind.String ? text.AsString() : "";
        if (type.Length == 0)
            throw Invalid("delegate config is missing type");
        string? owner = root.String("datastore_file_owner"), group = root.String("datastore_file_group");
        var servers = root.Strings("dns_servers") ?? [];
        foreach (var server in servers)
        {
            if (IpText.TryParse(server) is null)
                throw new CniException(CniError.Internal, $"invalid DNS server \"{server}\", must be valid IP address");
        }

        var files = string.IsNullOrEmpty(owner) && string.IsNullOrEmpty(group) ? null : FileOwner.Find(owner, group);
        return new WrapperConfig
        {
            Datastore = datastore,
            DatastoreOwner = files,
            Delegate = inner!.Value,
            DelegateType = type,
            DnsServers = servers,
            Rules = RuleKeys.Any(root.Has) ? RuleConfig.Read(root, servers, files) : null,
        };
    }

    /// <summary>What is known of the application: <c>metadata</c>, <c>network.properties</c>, or <c>metadata</c> inside <c>runtimeConfig</c>.</summary>
    internal static JsonView? Metadata(NetworkConfig config) =>
        config.Root.Object("metadata") ?? config.RuntimeConfig?.Object("metadata") ?? config.Root.Object("network")?.Object("properties");

    internal static CniException Missing(string what, string key) => Invalid($"missing {what} (\"{key}\")");

    internal static CniException Invalid(string text) => new(CniError.InvalidNetworkConfig, text);
}
