using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Meta.Wrapper;
using Patchbay.Plugins.Meta.Wrapper.Iptables;

namespace Patchbay.Plugins.Tools.Garden;

/// <summary>The configuration file, of either era. docs/garden.md lists the keys.</summary>
internal sealed record NetworkerConfig
{
    private static readonly string[] RequiredFirst = ["cni_plugin_dir", "cni_config_dir", "bind_mount_dir", "overlay_network", "state_file", "start_port", "total_ports"];

    private static readonly string[] RequiredNow =
        ["cni_plugin_dir", "cni_config_dir", "bind_mount_dir", "state_file", "start_port", "total_ports", "log_prefix", "iptables_lock_file", "proxy_port", "proxy_uid"];

    // Of these the networker of 2016 knew none.
    private static readonly string[] OnlyNow = ["log_prefix", "proxy_port", "proxy_uid", "proxy_redirect_cidr", "enable_ingress_proxy_redirect", "search_domains"];

    /// <summary>True for the era of October 2016, in which the networker itself makes rules; false for the newest, in which plugins do.</summary>
    internal bool MakesRules { get; init; }

    internal required string PluginDirectory { get; init; }

    internal required string ConfigDirectory { get; init; }

    internal required string MountDirectory { get; init; }

    internal required string StateFile { get; init; }

    internal int StartPort { get; init; }

    internal int TotalPorts { get; init; }

    /// <summary>What errors begin with.</summary>
    internal required string LogPrefix { get; init; }

    /// <summary>Where a container may go whatever its rules; null in the newest era.</summary>
    internal IpPrefix? Overlay { get; init; }

    /// <summary>The address that ports which come with up are mapped at; null for none.</summary>
    internal IPAddress? InstanceAddress { get; init; }

    internal bool UsesIptables { get; init; }

    internal IptablesLock? Lock { get; init; }

    internal IReadOnlyList<string> SearchDomains { get; init; } = [];

    /// <summary>What applications send there goes to a proxy beside them; null for nothing.</summary>
    internal IpPrefix? ProxyRedirect { get; init; }

    internal bool RedirectsIngress { get; init; }

    internal ushort ProxyPort { get; init; }

    internal uint ProxyUser { get; init; }

    /// <summary>Where results are kept.</summary>
    internal required string CacheDirectory { get; init; }

    /// <summary>How long a plugin may run.</summary>
    internal TimeSpan Limit { get; init; }

    /// <summary>Reads the file.</summary>
    /// <exception cref="NetworkerException">It cannot be read, or a key is missing or makes no sense.</exception>
    internal static NetworkerConfig Read(string file)
    {
        try
        {
            return Read(JsonView.Parse(File.ReadAllBytes(file), "configuration"));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new NetworkerException($"reading config file: {error.Message}", error);
        }
        catch (Exception error) when (error is JsonException or CniException)
        {
            throw new NetworkerException($"parsing config file {file}: {error.Message}", error);
        }
    }

    private static NetworkerConfig Read(JsonView root)
    {
        var makesRules = !OnlyNow.Any(root.Has);
        foreach (var key in makesRules ? RequiredFirst : RequiredNow)
        {
            if (root.Get(key) is not { } value || (value.Element.ValueKind == JsonValueKind.String && value.AsString().Length == 0))
                throw new NetworkerException($"missing required config '{key}'");
        }

        var backend = root.String("backend");
        if (backend is not (null or WrapperConfig.Nftables or WrapperConfig.Iptables))
            throw root.Get("backend")!.Value.Error($"must be \"{WrapperConfig.Nftables}\" or \"{WrapperConfig.Iptables}\", not \"{backend}\"");
        var start = (int)root.Integer("start_port", 1, ushort.MaxValue)!.Value;
        var total = (int)root.Integer("total_ports", 1, ushort.MaxValue)!.Value; // BOSH's 61000 and 5000 go beyond the last port
        return new NetworkerConfig
        {
            MakesRules = makesRules,
            PluginDirectory = FullPath(root, "cni_plugin_dir")!,
            ConfigDirectory = FullPath(root, "cni_config_dir")!,
            MountDirectory = FullPath(root, "bind_mount_dir")!,
            StateFile = FullPath(root, "state_file")!,
            StartPort = start,
            TotalPorts = Math.Min(total, ushort.MaxValue + 1 - start),
            LogPrefix = makesRules ? "error" : root.String("log_prefix")!,
            Overlay = V4(root, "overlay_network"),
            InstanceAddress = root.Address("instance_address") is { } address ? address.AddressFamily == AddressFamily.InterNetwork ? address : throw root.Get("instance_address")!.Value.Error("must be an IPv4 address") : null,
            UsesIptables = backend == WrapperConfig.Iptables,
            Lock = FullPath(root, "iptables_lock_file") is { } path ? new IptablesLock(path, null) : null,
            SearchDomains = root.Strings("search_domains") ?? [],
            ProxyRedirect = V4(root, "proxy_redirect_cidr"),
            RedirectsIngress = root.Boolean("enable_ingress_proxy_redirect") ?? false,
            ProxyPort = (ushort)(root.Integer("proxy_port", 1, ushort.MaxValue) ?? 0),
            ProxyUser = (uint)(root.Integer("proxy_uid", 0, uint.MaxValue) ?? 0),
            CacheDirectory = FullPath(root, "cni_cache_dir") ?? Patchbay.Cni.Runtime.ResultCache.DefaultDirectory,
            Limit = TimeSpan.FromSeconds(root.Integer("plugin_timeout_seconds", 1, 86400) ?? 120),
        };
    }

    private static string? FullPath(JsonView root, string key)
    {
        if (root.String(key) is not { Length: > 0 } path)
            return null;
        return path.Contains('\0', StringComparison.Ordinal) || path.EndsWith('/') && key.EndsWith("_file", StringComparison.Ordinal) ? throw root.Get(key)!.Value.Error("is no path") : Path.GetFullPath(path);
    }

    private static IpPrefix? V4(JsonView root, string key)
    {
        if (root.String(key) is not { Length: > 0 })
            return null;
        var prefix = root.Prefix(key)!.Value;
        return prefix.Address.AddressFamily == AddressFamily.InterNetwork
            ? new IpPrefix(prefix.Network.BaseAddress, prefix.PrefixLength)
            : throw root.Get(key)!.Value.Error("must be a network of IPv4");
    }
}
