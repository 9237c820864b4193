using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Main;

/// <summary>Runs parts of the bridge plugin as if in a host of a test.</summary>
internal static class MasqueradingHost
{
    /// <summary>Addresses of both families, as IPAM would give them.</summary>
    internal static readonly IReadOnlyList<CniIp> Ips = [Ip("10.22.0.2/24"), Ip("fd00:1::2/64")];

    internal static CniIp Ip(string text) => new() { Address = IpPrefix.Parse(text) };

    /// <summary>A call for one container on the network "net".</summary>
    internal static PluginRequest Request(string containerId = "ctr1", string ifName = "eth0", string network = "net") => new()
    {
        Command = CniCommand.Add,
        ContainerId = containerId,
        IfName = ifName,
        Config = NetworkConfig.Parse(Encoding.UTF8.GetBytes($$"""
            { "cniVersion": "1.1.0", "name": "{{network}}", "type": "bridge",
              "prevResult": { "cniVersion": "1.1.0", "ips": [ { "address": "10.22.0.2/24" }, { "address": "fd00:1::2/64" } ] } }
            """)),
        Environment = PluginEnvironment.OfProcess(static _ => null),
    };

    /// <summary>Runs something on a thread in the host's namespace; threads and programs that it starts are there too.</summary>
    internal static void In(TestHost host, Action work)
    {
        using var space = NetworkNamespace.Open(host.Path);
        space.Run(() =>
        {
            work();
            return true;
        });
    }

    /// <summary>The rules of the table nat of both families, without the comments that tell the time.</summary>
    internal static string SavedRules(TestHost host, string flavour = "") => string.Join('\n', new[] { "iptables", "ip6tables" }.Select(family =>
        string.Join('\n', host.Run($"{family}-{flavour}save", "-t", "nat").Check().StandardOutput.Split('\n').Where(line => line.Length > 0 && line[0] is not '#'))));
}
