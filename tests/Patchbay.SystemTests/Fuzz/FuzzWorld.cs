using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Plugins;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins.Yggoverlay;

namespace Patchbay.SystemTests.Fuzz;

/// <summary>
/// A host with a container that has an interface already, and a thread in the host's namespace on which plugins are called without a
/// process for each: that makes a thousand calls a second of fifty.
/// </summary>
internal sealed class FuzzWorld : IDisposable
{
    internal const string ContainerId = "fuzzed";

    private readonly TestHost _host = TestHost.Create();
    private readonly TestNamespace _container;
    private readonly ScriptedNode _node;
    private readonly Dictionary<string, string> _variables;
    private readonly FileIdentity _self = FileIdentity.Of("/proc/self/exe")!.Value;

    /// <param name="routed">Whether the container has default routes already.</param>
    internal FuzzWorld(bool routed)
    {
        _container = _host.AddContainer();
        _node = new ScriptedNode(Path.Combine(_host.Directory, "admin.sock"), """{"status":"success","response":{"subnet":"300:0:0:1::/64"}}""");
        _host.Run(["sh", "-ec", $"""
            ip link add cni9 type bridge
            ip addr add 10.9.0.1/24 dev cni9
            ip addr add fd09::1/64 dev cni9 nodad
            ip link set cni9 up
            ip link add vethfuzz master cni9 type veth peer name eth0 address 0a:58:0a:09:00:02 netns {_container.Name}
            ip link set vethfuzz up
            ip link add uplink0 address 0a:58:0a:08:00:02 type veth peer name uplink1
            ip link set uplink0 up
            ip link set uplink1 up
            ip addr add 10.8.0.1/24 dev uplink0
            for tables in iptables ip6tables; do $tables -w -t nat -N SOMEBODYS-MARK; done
            """]).Check();
        _container.Run(["sh", "-ec", """
            ip addr add 10.9.0.2/24 dev eth0
            ip addr add fd09::2/64 dev eth0 nodad
            ip link set eth0 up
            ip link add brin type bridge
            """]).Check();
        File.WriteAllText(Path.Combine(_host.DataDirectory, "subnet.env"), "FLANNEL_NETWORK=10.30.0.0/16\nFLANNEL_SUBNET=10.30.5.1/24\nFLANNEL_MTU=1400\nFLANNEL_IPMASQ=true\n");
        if (routed)
            _container.Run(["sh", "-ec", "ip route add default via 10.9.0.1; ip route add default via fd09::1"]).Check();
        _variables = new()
        {
            ["CNI_CONTAINERID"] = ContainerId,
            ["CNI_NETNS"] = _container.Path,
            ["CNI_PATH"] = Plugin.OursDirectory,
            ["PATH"] = Environment.GetEnvironmentVariable("PATH") ?? "",
            ["XTABLES_LOCKFILE"] = Path.Combine(_host.Directory, "xtables.lock"),
        };
    }

    /// <summary>The valid configurations of a plugin, with this world's places in them.</summary>
    internal JsonNode[] Corpus(string plugin) => [.. FuzzCorpus.Of(plugin, _host.DataDirectory, _container.Path)];

    internal Snapshot Snapshot() => Harness.Snapshot.Take(_host);

    /// <summary>Runs on a thread of the host's namespace.</summary>
    internal void Inside(Action work)
    {
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                using var space = NetworkNamespace.Open(_host.Path);
                using var home = NetworkNamespace.OpenCurrent();
                space.RunHere(home, () =>
                {
                    work();
                    return true;
                });
            }
            catch (Exception error)
            {
                failure = error;
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null)
            throw new InvalidOperationException(failure.Message, failure);
    }

    /// <summary>Calls a plugin as its process would.</summary>
    /// <returns>Exit status, what it printed, and how long it took.</returns>
    internal (int Status, string Output, TimeSpan Took) Call(string plugin, string command, string ifName, byte[] config)
    {
        using var output = new MemoryStream();
        var environment = new PluginEnvironment
        {
            Variable = name => name switch
            {
                "CNI_COMMAND" => command,
                "CNI_IFNAME" => ifName,
                _ => _variables.GetValueOrDefault(name),
            },
            Variables = () => _variables,
            Input = new MemoryStream(config),
            Output = output,
            Error = Stream.Null,
            BuiltIn = PluginRegistry.Find,
            // Delegates of the directory of plugins are this process, as they are that of the executable.
            Identify = path => path.StartsWith(Plugin.OursDirectory, StringComparison.Ordinal) && File.Exists(path) ? _self : FileIdentity.Of(path),
        };
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        int status = PluginHost.Run(PluginRegistry.Find(plugin)!, environment);
        return (status, Encoding.UTF8.GetString(output.ToArray()), System.Diagnostics.Stopwatch.GetElapsedTime(start));
    }

    public void Dispose()
    {
        _node.Dispose();
        _host.Dispose();
    }
}
