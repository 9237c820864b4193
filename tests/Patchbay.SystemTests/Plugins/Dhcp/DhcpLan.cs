using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Dhcp;

/// <summary>A host whose bridge br0 leads to a DHCP server, 10.5.0.1, in a namespace of its own.</summary>
internal sealed class DhcpLan : IDisposable
{
    /// <summary>Every test of ours on this network; a DEL leaves nothing else changed.</summary>
    internal const string Bridge = "br0";

    internal DhcpLan()
    {
        Plugin.NeedsOurs("bridge", "dhcp");
        Host = TestHost.Create();
        Server = Host.AddContainer();
        Host.Run("ip", "link", "add", Bridge, "type", "bridge").Check();
        Host.Run("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "eth0", "netns", Server.Name).Check();
        Host.Run("ip", "link", "set", "uplink", "master", Bridge, "up").Check();
        Host.Run("ip", "link", "set", Bridge, "up").Check();
        Server.Run("ip", "addr", "add", "10.5.0.1/24", "dev", "eth0").Check();
        Server.Run("ip", "link", "set", "eth0", "up").Check();
    }

    internal TestHost Host { get; }

    internal TestNamespace Server { get; }

    internal string Socket => Path.Combine(Host.Directory, "dhcp.sock");

    internal string StateDirectory => Path.Combine(Host.Directory, "dhcp");

    internal string[] Leases => Directory.Exists(StateDirectory) ? [.. Directory.GetFiles(StateDirectory, "*.json").Order(StringComparer.Ordinal)] : [];

    internal string ServerLeases => File.ReadAllText(Path.Combine(Host.Directory, "server.leases"));

    internal Plugin Plugin => new(Host, "bridge");

    internal ProgramLog Dnsmasq(params string[] options) => DnsmasqOf("10.5.0.10,10.5.0.200", options);

    internal ProgramLog DnsmasqOf(string range, params string[] options)
    {
        Needs.Program("dnsmasq");
        var log = new ProgramLog(Server.Start(
        [
            "dnsmasq", "--conf-file=/dev/null", "--keep-in-foreground", "--log-facility=-", "--log-dhcp", "--user=root", "--port=0", "--interface=eth0", "--no-ping",
            "--dhcp-authoritative", "--pid-file=", $"--dhcp-leasefile={Path.Combine(Host.Directory, "server.leases")}", $"--dhcp-range={range},255.255.255.0,2m",
            .. options,
        ]));
        log.WaitFor("DHCP, IP range");
        return log;
    }

    /// <summary>ISC's server, with leases of seconds.</summary>
    internal ProgramLog Dhcpd(string times, string range = "10.5.0.10 10.5.0.200")
    {
        Needs.Program("dhcpd");
        string conf = Path.Combine(Host.Directory, "dhcpd.conf"), leases = Path.Combine(Host.Directory, "server.leases");
        File.WriteAllText(conf, $$"""
            authoritative;
            ping-check false;
            {{times}}
            subnet 10.5.0.0 netmask 255.255.255.0 { range {{range}}; option routers 10.5.0.1; }
            """);
        if (!File.Exists(leases))
            File.WriteAllText(leases, "");
        var log = new ProgramLog(Server.Start(["dhcpd", "-4", "-f", "-d", "-cf", conf, "-lf", leases, "-pf", Path.Combine(Host.Directory, "dhcpd.pid"), "eth0"]));
        log.WaitFor("Server starting service");
        return log;
    }

    /// <summary>Our daemon, once it serves.</summary>
    internal ProgramLog Daemon(params string[] options)
    {
        ProgramLog log = StartDaemon(options);
        log.WaitFor("serving on");
        return log;
    }

    internal ProgramLog StartDaemon(params string[] options) =>
        new(Host.Start([Path.Combine(Plugin.OursDirectory, "dhcp"), "daemon", "-socketpath", Socket, .. options]));

    internal string Config(string ipam = "{}", string keys = "{}", string version = "1.1.0")
    {
        JsonObject config = JsonNode.Parse($$"""
            { "cniVersion": "{{version}}", "name": "net", "type": "bridge", "bridge": "{{Bridge}}", "ipam": { "type": "dhcp", "daemonSocketPath": "{{Socket}}" } }
            """)!.AsObject();
        Merge(config["ipam"]!.AsObject(), ipam);
        Merge(config, keys);
        return config.ToJsonString();
    }

    public void Dispose() => Host.Dispose();

    private static void Merge(JsonObject into, string keys)
    {
        foreach ((string key, JsonNode? value) in JsonNode.Parse(keys)!.AsObject())
            into[key] = value?.DeepClone();
    }
}
