using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Meta.Firewall;

/// <summary>The plugin's keys, checked.</summary>
internal sealed record FirewallConfig(FirewallBackend? Backend, string AdminChain, string Zone, IngressPolicy Policy)
{
    private const string DefaultAdminChain = "CNI-ADMIN";
    private const string DefaultZone = "trusted";
    private const int LongestChain = 28; // XT_EXTENSION_MAXNAMELEN, less the terminating zero
    private const int LongestZone = 128;

    /// <summary>Reads the keys; one that is empty is as good as missing.</summary>
    /// <exception cref="CniException">Code 7: a value that is none of those allowed, or a name that could not be one.</exception>
    internal static FirewallConfig Read(PluginRequest request)
    {
        var root = request.Config.Root;
        FirewallBackend? backend = root.String("backend") switch
        {
            null or "" => null,
            "iptables" => FirewallBackend.Iptables,
            "nftables" => FirewallBackend.Nftables,
            "firewalld" => FirewallBackend.Firewalld,
            var other => throw Invalid($"unknown firewall backend \"{other}\": \"backend\" must be iptables, nftables or firewalld, or be left out for the one that fits this host"),
        };
        var policy = root.String("ingressPolicy") switch
        {
            null or "" or "open" => IngressPolicy.Open,
            "same-bridge" => IngressPolicy.SameBridge,
            "isolated" => IngressPolicy.Isolated,
            var other => throw Invalid($"unknown ingress policy: \"{other}\": \"ingressPolicy\" must be open, same-bridge or isolated"),
        };
        return new FirewallConfig(backend, Chain(root.String("iptablesAdminChainName")), ZoneName(root.String("firewalldZone")), policy);
    }

    /// <summary>The keys of a teardown: what cannot be read any more must not keep anything in place.</summary>
    internal static FirewallConfig ReadLeniently(PluginRequest request, Cleanup cleanup)
    {
        var config = new FirewallConfig(null, DefaultAdminChain, DefaultZone, IngressPolicy.Open);
        cleanup.Step(() => config = Read(request));
        return config;
    }

    // A name that goes into a line for iptables-restore(8) and a message to nf_tables: no white space, quotes or options.
    private static string Chain(string? name)
    {
        if (string.IsNullOrEmpty(name))
            return DefaultAdminChain;
        var valid = name.Length <= LongestChain && (char.IsAsciiLetterOrDigit(name[0]) || name[0] == '_');
        foreach (var c in name)
            valid &= char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.';
        if (!valid)
            throw Invalid($"\"iptablesAdminChainName\" \"{name}\" is no name for a chain: it has 1 to {LongestChain} letters, digits, \"-\", \"_\" or \".\", and begins with a letter, digit or \"_\"");
        return name is "INPUT" or "FORWARD" or "OUTPUT" or "ACCEPT" or "DROP" or "RETURN" or "QUEUE" || IptablesLayout.IsOwnChain(name) || NftablesFirewall.IsOwnChain(name)
            ? throw Invalid($"\"iptablesAdminChainName\" \"{name}\" has another meaning already: choose a name of your own")
            : name;
    }

    private static string ZoneName(string? name)
    {
        if (string.IsNullOrEmpty(name))
            return DefaultZone;
        var valid = Encoding.UTF8.GetByteCount(name) <= LongestZone;
        foreach (var c in name)
            valid &= !char.IsControl(c) && !char.IsSurrogate(c);
        return valid ? name : throw Invalid($"\"firewalldZone\" \"{name}\" is no name for a zone");
    }

    private static CniException Invalid(string text) => new(CniError.InvalidNetworkConfig, text);
}
