using System.Text.Json;
using System.Text.Json.Serialization;
using Patchbay.Policy.Daemon;

namespace Patchbay.Policy.Server;

/// <summary>The configuration file, with the keys of the Cloud Foundry policy server where it has the same thing.</summary>
internal sealed class ServerConfiguration
{
    public string ListenHost { get; set; } = "127.0.0.1";

    public int ListenPort { get; set; } = 4002;

    /// <summary>Whether the external API speaks TLS itself, with the server's certificate.</summary>
    public bool EnableTls { get; set; }

    public string? InternalListenHost { get; set; }

    public int InternalListenPort { get; set; } = 4003;

    public string HealthCheckHost { get; set; } = "127.0.0.1";

    public int HealthCheckPort { get; set; } = 31946;

    public string DebugServerHost { get; set; } = "127.0.0.1";

    public int DebugServerPort { get; set; } = 31821;

    public string CaCertFile { get; set; } = "";

    /// <summary>Lists of the certificates that the CA has revoked; empty for none.</summary>
    public string CaCrlFile { get; set; } = "";

    public string ServerCertFile { get; set; } = "";

    public string ServerKeyFile { get; set; } = "";

    public string UaaUrl { get; set; } = "";

    public string UaaClient { get; set; } = "";

    public string UaaClientSecret { get; set; } = "";

    public string UaaCa { get; set; } = "";

    /// <summary>A file with the issuer's keys, instead of asking uaa_url for them.</summary>
    public string TokenKeysFile { get; set; } = "";

    public string? TokenIssuer { get; set; }

    public string[] TokenAudiences { get; set; } = ["network"];

    public string CcUrl { get; set; } = "";

    public string CcCaCert { get; set; } = "";

    public bool SkipSslValidation { get; set; }

    public DatabaseConfiguration Database { get; set; } = new();

    /// <summary>How often the database is asked whether another server changed something.</summary>
    public double DatabasePollSeconds { get; set; } = 1;

    public int TagLength { get; set; } = 2;

    public int MaxPoliciesPerAppSource { get; set; } = 150;

    public bool EnableSpaceDeveloperSelfService { get; set; }

    public string[] AllowedCorsDomains { get; set; } = [];

    /// <summary>Minutes between two clean-ups; 0 for none.</summary>
    public double PolicyCleanupInterval { get; set; } = 60;

    /// <summary>Seconds between two readings of the security groups; 0 for none.</summary>
    public double AsgPollInterval { get; set; }

    public string LogLevel { get; set; } = "info";

    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Unknown { get; set; }

    internal static ServerConfiguration Read(string path) => ConfigurationFile.Read(path, ConfigurationJson.Default.ServerConfiguration);

    /// <summary>Checks what can be checked without trying it.</summary>
    internal void Check()
    {
        ConfigurationFile.Port(ListenPort, "listen_port");
        ConfigurationFile.Port(InternalListenPort, "internal_listen_port");
        ConfigurationFile.Port(HealthCheckPort, "health_check_port");
        ConfigurationFile.Port(DebugServerPort, "debug_server_port");
        ConfigurationFile.Require(CaCertFile, "ca_cert_file", "the CA that agents' certificates must come from");
        ConfigurationFile.Require(ServerCertFile, "server_cert_file", "the server's certificate");
        ConfigurationFile.Require(ServerKeyFile, "server_key_file", "its key");
        if (UaaUrl.Length == 0 && TokenKeysFile.Length == 0)
            throw new InvalidDataException("neither uaa_url nor token_keys_file is set: tokens could not be checked. patchbay policy certs makes a key for development");
        // 16 bits are what VXLAN's group policy id carries (draft-smith-vxlan-group-policy-05), so a third byte would be lost between two cells.
        if (TagLength is < 1 or > 2)
            throw new InvalidDataException($"tag_length is {TagLength}; it must be 1 or 2 bytes, as VXLAN carries no more");
        if (MaxPoliciesPerAppSource < 0)
            throw new InvalidDataException($"max_policies_per_app_source is {MaxPoliciesPerAppSource}; it must not be negative");
        if (DatabasePollSeconds is not (>= 0.05 and <= 3600))
            throw new InvalidDataException($"database_poll_seconds is {DatabasePollSeconds}; it must be from 0.05 to 3600");
        if (PolicyCleanupInterval is not (>= 0 and <= 60000) || AsgPollInterval is not (>= 0 and <= 86400))
            throw new InvalidDataException("policy_cleanup_interval (minutes) and asg_poll_interval (seconds) must not be negative nor longer than weeks");
        if (CcUrl.Length == 0 && (EnableSpaceDeveloperSelfService || AsgPollInterval > 0))
            throw new InvalidDataException("cc_url is not set: spaces and security groups are the Cloud Controller's to tell");
        if (CcUrl.Length > 0 && (UaaUrl.Length == 0 || UaaClient.Length == 0))
            throw new InvalidDataException("cc_url needs uaa_url, uaa_client and uaa_client_secret: the Cloud Controller asks for a token");
    }
}
