using System.Net;
using System.Text.Json;
using System.Text.Json.Serialization;
using Patchbay.Policy.Daemon;
using Patchbay.Policy.Overlay.Leases;

namespace Patchbay.Policy.Overlay.Agent;

/// <summary>The agent's configuration file, with the keys of Cloud Foundry's silk-daemon and a few of our own; docs/overlay.md has them all.</summary>
internal sealed class OverlayConfiguration
{
    /// <summary>This host's address in the network that carries the overlay.</summary>
    public string UnderlayIp { get; set; } = "";

    /// <summary>The overlay's network, or a list of them.</summary>
    public JsonElement? OverlayNetwork { get; set; }

    public int SubnetPrefixLength { get; set; } = 24;

    /// <summary>Whether one address is leased, and not a subnet: for hosts that have no containers.</summary>
    public bool SingleIpOnly { get; set; }

    public string VtepName { get; set; } = "silk-vtep";

    public uint Vni { get; set; } = 1;

    public int VtepPort { get; set; } = 4789;

    /// <summary>Largest packet within the overlay; 0 for what the underlay leaves.</summary>
    public int Mtu { get; set; }

    /// <summary>The controller.</summary>
    public string ConnectivityServerUrl { get; set; } = "";

    /// <summary>A file of all hosts' leases, in place of a controller.</summary>
    public string LeaseFile { get; set; } = "";

    public string CaCertFile { get; set; } = "";

    public string ClientCertFile { get; set; } = "";

    public string ClientKeyFile { get; set; } = "";

    public double ClientTimeoutSeconds { get; set; } = 5;

    /// <summary>Seconds between two cycles: renew, look, converge.</summary>
    public double PollInterval { get; set; } = 30;

    /// <summary>How long the agent goes on without a renewal: a week.</summary>
    public double PartitionToleranceSeconds { get; set; } = 604_800;

    /// <summary>The CNI wrapper's datastore: whether this host has containers.</summary>
    public string Datastore { get; set; } = "";

    /// <summary>What the flannel plugin reads; empty for none.</summary>
    public string SubnetFile { get; set; } = "/run/flannel/subnet.env";

    /// <summary>FLANNEL_IPMASQ: true tells the flannel plugin that masquerading is others' business.</summary>
    public bool FlannelIpMasq { get; set; } = true;

    public string HealthCheckHost { get; set; } = "127.0.0.1";

    public int HealthCheckPort { get; set; } = 23954;

    /// <summary>A policy agent's configuration file: then one process is both.</summary>
    public string PolicyAgentConfig { get; set; } = "";

    public string LogLevel { get; set; } = "info";

    public string LogPrefix { get; set; } = "cfnetworking";

    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }

    // Keys of the reference for what is not there: a debug server, a metron agent; and the underlay's interface, which follows from its address.
    private static readonly HashSet<string> Others = ["debug_server_port", "metron_port", "vxlan_interface_name", "custom_underlay_interface_name"];

    internal IEnumerable<string> UnknownKeys => Unknown?.Keys.Where(each => !Others.Contains(each)) ?? [];

    internal IPAddress Underlay => Lease.TryParseUnderlay(UnderlayIp, out IPAddress address)
        ? address
        : throw new InvalidDataException($"underlay_ip is \"{UnderlayIp}\"; it must be this host's address towards the other hosts");

    internal IReadOnlyList<Subnet> Networks
    {
        get
        {
            string?[] texts = OverlayNetwork switch
            {
                { ValueKind: JsonValueKind.String } one => [one.GetString()],
                { ValueKind: JsonValueKind.Array } many => [.. many.EnumerateArray().Select(each => each.ValueKind == JsonValueKind.String ? each.GetString() : each.GetRawText())],
                _ => ["10.255.0.0/16"],
            };
            return texts.Length > 0
                ? [.. texts.Select(each => Subnet.TryParse(each, out Subnet network) ? network : throw new InvalidDataException($"overlay_network is \"{each}\"; it must be an IPv4 network such as 10.255.0.0/16"))]
                : throw new InvalidDataException("overlay_network is an empty list; it must be an IPv4 network such as 10.255.0.0/16");
        }
    }

    /// <summary>The length of the prefix of this host's lease.</summary>
    internal int LeaseLength => SingleIpOnly ? 32 : SubnetPrefixLength;

    internal static OverlayConfiguration Read(string path) => ConfigurationFile.Read(path, ConfigurationJson.Default.OverlayConfiguration);

    /// <summary>Checks what can be checked without trying it.</summary>
    /// <exception cref="InvalidDataException">Something cannot be; the text names the key.</exception>
    internal void Check()
    {
        _ = Underlay;
        if (Networks.FirstOrDefault(each => SubnetPrefixLength is < 1 or > 30 || SubnetPrefixLength <= each.Length) is { Length: > 0 } network)
            throw new InvalidDataException($"subnet_prefix_length is {SubnetPrefixLength}; for overlay_network {network} it must be from {network.Length + 1} to 30, as at the controller");
        if (VtepName.Length is 0 or > 15 || VtepName is "." or ".." || VtepName.Any(each => each is '/' or ':' or '%' || !char.IsAscii(each) || char.IsControl(each) || char.IsWhiteSpace(each)))
            throw new InvalidDataException($"vtep_name is \"{VtepName}\"; it must be a name for an interface of 1 to 15 characters");
        if (Vni is 0 or > 0xFFFFFF || VtepPort is < 1 or > 65535 || HealthCheckPort is < 1 or > 65535)
            throw new InvalidDataException("vni must be from 1 to 16777215, vtep_port and health_check_port from 1 to 65535");
        if (Mtu is not 0 and (< 576 or > 65_535))
            throw new InvalidDataException($"mtu is {Mtu}; it must be from 576 to 65535, or 0 for what the underlay leaves");
        if (PollInterval is not (>= 0.1 and <= 3600) || ClientTimeoutSeconds is not (>= 0.1 and <= 600) || PartitionToleranceSeconds is not (>= 1 and <= 315_360_000))
            throw new InvalidDataException("poll_interval must be from 0.1 to 3600 seconds, client_timeout_seconds from 0.1 to 600, partition_tolerance_seconds from 1 to 315360000");
        if ((ConnectivityServerUrl.Length > 0) == (LeaseFile.Length > 0))
            throw new InvalidDataException("one of connectivity_server_url, the controller's address, and lease_file, a file of leases, must be set");
        RequireAbsolute(LeaseFile, "lease_file");
        RequireAbsolute(SubnetFile, "subnet_file");
        RequireAbsolute(Datastore, "datastore");
        if (ConnectivityServerUrl.Length > 0)
            CheckController();
    }

    private void CheckController()
    {
        if (!Uri.TryCreate(ConnectivityServerUrl, UriKind.Absolute, out Uri? url) || url.Scheme != Uri.UriSchemeHttps)
            throw new InvalidDataException($"connectivity_server_url is \"{ConnectivityServerUrl}\"; it must be the controller's address, such as https://silk-controller.service.cf.internal:4103");
        ConfigurationFile.Require(CaCertFile, "ca_cert_file", "the CA that the controller's certificate comes from");
        ConfigurationFile.Require(ClientCertFile, "client_cert_file", "the agent's certificate");
        ConfigurationFile.Require(ClientKeyFile, "client_key_file", "its key");
    }

    private static void RequireAbsolute(string path, string key)
    {
        if (path.Length > 0 && !path.StartsWith('/'))
            throw new InvalidDataException($"{key} is \"{path}\"; it must be an absolute path");
    }
}
