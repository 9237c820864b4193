using System.Text.Json;
using System.Text.Json.Serialization;
using Patchbay.Policy.Daemon;
using Patchbay.Policy.Overlay.Leases;
using Patchbay.Policy.Server;

namespace Patchbay.Policy.Overlay.Controller;

/// <summary>The controller's configuration file, with the keys of Cloud Foundry's silk-controller; docs/overlay.md has them all.</summary>
internal sealed class ControllerConfiguration
{
    public string ListenHost { get; set; } = "127.0.0.1";

    public int ListenPort { get; set; } = 4103;

    public string HealthCheckHost { get; set; } = "127.0.0.1";

    public int HealthCheckPort { get; set; } = 19683;

    public string CaCertFile { get; set; } = "";

    public string ServerCertFile { get; set; } = "";

    public string ServerKeyFile { get; set; } = "";

    /// <summary>The overlay's network.</summary>
    public string Network { get; set; } = "10.255.0.0/16";

    /// <summary>The size of a host's part of it.</summary>
    public int SubnetPrefixLength { get; set; } = 24;

    /// <summary>How long a lease is good without being renewed: a week.</summary>
    public long LeaseExpirationSeconds { get; set; } = 604_800;

    /// <summary>From when on a lease counts as stale in the metrics.</summary>
    public long StalenessThresholdSeconds { get; set; } = 3600;

    public DatabaseConfiguration Database { get; set; } = new() { Path = "/var/lib/patchbay/leases.db", DatabaseName = "network_connectivity" };

    public string LogLevel { get; set; } = "info";

    public string LogPrefix { get; set; } = "cfnetworking";

    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }

    // Keys of the reference for what is not there: a debug server, a metron agent, limits of connections (one for each call).
    private static readonly HashSet<string> Others =
        ["debug_server_port", "metron_port", "metrics_emit_seconds", "max_idle_connections", "max_open_connections", "connections_max_lifetime_seconds"];

    internal IEnumerable<string> UnknownKeys => Unknown?.Keys.Where(each => !Others.Contains(each)) ?? [];

    internal static ControllerConfiguration Read(string path) => ConfigurationFile.Read(path, ConfigurationJson.Default.ControllerConfiguration);

    /// <summary>What can be leased, once everything is checked that can be without trying it.</summary>
    /// <exception cref="InvalidDataException">Something cannot be; the text names the key.</exception>
    internal AddressPool Check()
    {
        if (!Subnet.TryParse(Network, out Subnet network))
            throw new InvalidDataException($"network is \"{Network}\"; it must be an IPv4 network such as 10.255.0.0/16");
        if (LeaseExpirationSeconds is < 1 or > 315_360_000 || StalenessThresholdSeconds is < 1 or > 315_360_000)
            throw new InvalidDataException("lease_expiration_seconds and staleness_threshold_seconds must be from 1 to 315360000");
        if (ListenPort is < 1 or > 65535 || HealthCheckPort is < 1 or > 65535)
            throw new InvalidDataException("listen_port and health_check_port must be from 1 to 65535");
        (string Value, string Key, string What)[] files = [(CaCertFile, "ca_cert_file", "the CA that clients' certificates come from"), (ServerCertFile, "server_cert_file", "the server's certificate"), (ServerKeyFile, "server_key_file", "its key")];
        foreach ((string value, string key, string what) in files)
            ConfigurationFile.Require(value, key, what);
        return new AddressPool(network, SubnetPrefixLength);
    }
}
