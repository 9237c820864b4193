using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Patchbay.Policy.Daemon;

namespace Patchbay.Policy.Agent;

/// <summary>The configuration file, with the keys of Cloud Foundry's vxlan-policy-agent and a few of our own; docs/policy.md has them all.</summary>
internal sealed class AgentConfiguration
{
    internal const string Nftables = "nftables";
    internal const string Iptables = "iptables";

    /// <summary>Seconds between two looks at the datastore and the server.</summary>
    public double PollInterval { get; set; } = 5;

    /// <summary>Seconds that the server may hold a question until something changes; 0 to ask at intervals only.</summary>
    public int LongPollSeconds { get; set; } = 60;

    public string CniDatastorePath { get; set; } = "";

    public string PolicyServerUrl { get; set; } = "";

    public string CaCertFile { get; set; } = "";

    public string ClientCertFile { get; set; } = "";

    public string ClientKeyFile { get; set; } = "";

    public double ClientTimeoutSeconds { get; set; } = 5;

    /// <summary>nftables, or iptables for the chains of the reference.</summary>
    public string Backend { get; set; } = Nftables;

    /// <summary>Locked while iptables works, as the wrapper does; empty for none.</summary>
    public string IptablesLockFile { get; set; } = "";

    /// <summary>Whether connections that a revoked policy allowed end at once.</summary>
    public bool CutRevokedConnections { get; set; }

    /// <summary>The mark of what came in by a mapped port, as in the wrapper's configuration.</summary>
    public string IngressTag { get; set; } = "ffff0000";

    public bool IptablesC2cLogging { get; set; }

    public bool IptablesAsgLogging { get; set; }

    public int IptablesDeniedLogsPerSec { get; set; } = 1;

    public int IptablesAcceptedUdpLogsPerSec { get; set; } = 100;

    /// <summary>Whether the router may reach the ports that containers name.</summary>
    public bool EnableOverlayIngressRules { get; set; }

    /// <summary>Whether everything on the overlay may talk to everything.</summary>
    public bool DisableContainerNetworkPolicy { get; set; }

    public string OverlayNetwork { get; set; } = "";

    /// <summary>Whether the agent, and not the wrapper, keeps the security groups.</summary>
    public bool EnableAsgSyncing { get; set; }

    /// <summary>Seconds between two readings of the security groups.</summary>
    public double AsgPollInterval { get; set; } = 60;

    public string ForcePolicyPollCycleHost { get; set; } = "127.0.0.1";

    public int ForcePolicyPollCyclePort { get; set; } = 8722;

    public string DebugServerHost { get; set; } = "127.0.0.1";

    public int DebugServerPort { get; set; } = 8721;

    public string LogLevel { get; set; } = "info";

    public string LogPrefix { get; set; } = "cfnetworking";

    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }

    // Keys of the reference that are others' business here (the wrapper's, the overlay's), or of what is not there: a metron agent.
    private static readonly HashSet<string> Others =
    [
        "metron_address", "vni", "flannel_subnet_file", "underlay_ips", "deny_networks", "outbound_connections", "loggregator", "poll_interval_jitter",
    ];

    /// <summary>Whether a key that has no effect here is known to have none.</summary>
    internal static bool IsOfOthers(string key) => Others.Contains(key);

    internal uint IngressMark => uint.Parse(IngressTag, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    internal bool UsesIptables => Backend == Iptables;

    internal static AgentConfiguration Read(string path) => ConfigurationFile.Read(path, ConfigurationJson.Default.AgentConfiguration);

    /// <summary>Checks what can be checked without trying it.</summary>
    /// <exception cref="InvalidDataException">Something cannot be; the text names the key.</exception>
    internal void Check()
    {
        if (!Uri.TryCreate(PolicyServerUrl, UriKind.Absolute, out Uri? url) || url.Scheme != Uri.UriSchemeHttps)
            throw new InvalidDataException($"policy_server_url is \"{PolicyServerUrl}\"; it must be the internal API's address, such as https://policy-server.service.cf.internal:4003");
        ConfigurationFile.Require(CaCertFile, "ca_cert_file", "the CA that the server's certificate comes from");
        ConfigurationFile.Require(ClientCertFile, "client_cert_file", "the agent's certificate");
        ConfigurationFile.Require(ClientKeyFile, "client_key_file", "its key");
        CheckDatastore();
        if (PollInterval is not (>= 0.1 and <= 3600) || AsgPollInterval is not (>= 0.1 and <= 86400) || ClientTimeoutSeconds is not (>= 0.1 and <= 600) || LongPollSeconds is < 0 or > 300)
            throw new InvalidDataException("poll_interval must be from 0.1 to 3600 seconds, asg_poll_interval from 0.1 to 86400, client_timeout_seconds from 0.1 to 600, long_poll_seconds from 0 to 300");
        if (IptablesDeniedLogsPerSec is < 1 or > 10_000 || IptablesAcceptedUdpLogsPerSec is < 1 or > 10_000)
            throw new InvalidDataException("iptables_denied_logs_per_sec and iptables_accepted_udp_logs_per_sec must be from 1 to 10000");
        if (Backend is not (Nftables or Iptables))
            throw new InvalidDataException($"backend is \"{Backend}\"; it must be \"{Nftables}\" or \"{Iptables}\"");
        if (UsesIptables && CutRevokedConnections)
            throw new InvalidDataException($"cut_revoked_connections needs backend \"{Nftables}\": the chains of \"{Iptables}\" do not remember whose a connection is");
        if (UsesIptables && IptablesLockFile.Length > 0 && !IptablesLockFile.StartsWith('/'))
            throw new InvalidDataException($"iptables_lock_file is \"{IptablesLockFile}\"; it must be an absolute path, the one in the CNI wrapper's configuration");
        if (!uint.TryParse(IngressTag, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint mark) || mark <= ushort.MaxValue)
            throw new InvalidDataException($"ingress_tag is \"{IngressTag}\"; it must be a hexadecimal number of more than 16 bits such as ffff0000, which no app's tag is");
        if (DisableContainerNetworkPolicy && Overlay is null)
            throw new InvalidDataException($"disable_container_network_policy needs overlay_network, an IPv4 network such as 10.255.0.0/16, not \"{OverlayNetwork}\"");
    }

    internal void CheckDatastore()
    {
        if (!CniDatastorePath.StartsWith('/'))
            throw new InvalidDataException($"cni_datastore_path is \"{CniDatastorePath}\"; it must be the absolute path of the CNI wrapper's datastore");
        if (!Directory.Exists(Path.GetDirectoryName(CniDatastorePath)))
            throw new InvalidDataException($"cni_datastore_path: directory {Path.GetDirectoryName(CniDatastorePath)} is not there; make it, or correct the path");
    }

    /// <summary>The network of the overlay; null when none is told.</summary>
    internal IPNetwork? Overlay => IPNetwork.TryParse(OverlayNetwork, out IPNetwork network) && network.BaseAddress.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork ? network : null;
}
