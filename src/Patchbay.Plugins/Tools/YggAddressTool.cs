using System.Net;
using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Plugins.Meta.Yggoverlay;

namespace Patchbay.Plugins.Tools;

/// <summary><c>patchbay-cni ygg-address NAME [--subnet S]</c>: the address that yggoverlay gives a container of that name, before there is one. docs/yggoverlay.md.</summary>
internal static class YggAddressTool
{
    internal const string ToolName = "ygg-address";

    private const string Usage = "usage: patchbay-cni ygg-address NAME [--subnet 3xx:…::/64]: the subnet of the host's Yggdrasil node, which \"yggdrasilctl getself\" tells; without it only the last 64 bits are printed";

    /// <summary>Runs the tool.</summary>
    /// <returns>The exit status: 2 for what cannot be understood.</returns>
    internal static int Run(ReadOnlySpan<string> arguments, PluginEnvironment environment)
    {
        string? name = null, subnetText = null;
        for (var i = 0; i < arguments.Length; i++)
        {
            if (arguments[i] == "--subnet" && i + 1 < arguments.Length)
                subnetText = arguments[++i];
            else if (arguments[i].StartsWith("--subnet=", StringComparison.Ordinal))
                subnetText = arguments[i]["--subnet=".Length..];
            else if (name is null && !arguments[i].StartsWith('-'))
                name = arguments[i];
            else
                return Fail(environment, Usage);
        }

        if (name is null)
            return Fail(environment, Usage);
        if (MeshAddress.ProblemOf(name) is { } problem)
            return Fail(environment, $"ygg-address: a container cannot have that name: {problem}");
        IPNetwork? subnet = MeshAddress.ParseSubnet(subnetText);
        if (subnetText is not null && subnet is null)
            return Fail(environment, $"ygg-address: \"{subnetText}\" is not a /64 of 300::/8, as the subnet of a Yggdrasil node is");
        var address = MeshAddress.Of(subnet ?? new IPNetwork(IPAddress.IPv6Any, MeshAddress.PrefixLength), name);
        environment.Output.Write(Encoding.UTF8.GetBytes($"{IpText.Format(address)}\n"));
        return 0;
    }

    private static int Fail(PluginEnvironment environment, string text)
    {
        PluginHost.Note(environment, text);
        return 2;
    }
}
