using System.Diagnostics;
using System.Globalization;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Dhcp;

/// <summary>Servers that renew, forget, refuse or say nothing: ISC's dhcpd with leases of seconds.</summary>
public sealed class DhcpServerTests : IDisposable
{
    private const string Short = "default-lease-time 12; max-lease-time 12; min-lease-time 12; option dhcp-renewal-time 1; option dhcp-rebinding-time 3;";

    private readonly DhcpLan _lan = new();

    public void Dispose() => _lan.Dispose();

    [Fact]
    public void A_lease_is_prolonged_with_its_server_alone()
    {
        ProgramLog server = _lan.Dhcpd(Short);
        ProgramLog daemon = _lan.Daemon();
        TestNamespace container = _lan.Host.AddContainer();
        // What comes to the server: by broadcast, to all of which its raw socket listens too, and to its own address.
        _lan.Server.Run(["nft", "-f", "-"], """
            table ip probe { chain input { type filter hook input priority 0;
              ip saddr 10.5.0.0/24 ip daddr 10.5.0.1 udp dport 67 counter
              ip daddr 255.255.255.255 udp dport 67 counter
            }
            }
            """).Check();
        string address = _lan.Plugin.Add(container, _lan.Config()).Check().ResultAddresses()[0];
        long broadcasts = Packets(1);

        daemon.WaitFor($"prolonged {address} by 10.5.0.1");
        daemon.WaitFor($"prolonged {address} by 10.5.0.1");

        Assert.True(Packets(0) >= 2);
        Assert.Equal(broadcasts, Packets(1));
        server.WaitFor($"DHCPACK on {address.Split('/')[0]}");
        _lan.Plugin.Delete(container, _lan.Config()).Check();
        server.WaitFor($"DHCPRELEASE of {address.Split('/')[0]}");
        Assert.True(Packets(0) >= 3); // the release came from the lease's own address

        long Packets(int rule) => _lan.Server.NftJson("list chain ip probe input").EnumerateArray()
            .Where(each => each.TryGetProperty("rule", out _)).ElementAt(rule).GetProperty("rule").GetProperty("expr").EnumerateArray()
            .Single(each => each.TryGetProperty("counter", out _)).GetProperty("counter").GetProperty("packets").GetInt64();
    }

    [Fact]
    public void A_server_that_comes_back_at_another_address_may_prolong_it()
    {
        ProgramLog server = _lan.Dhcpd(Short);
        ProgramLog daemon = _lan.Daemon();
        TestNamespace container = _lan.Host.AddContainer();
        string address = _lan.Plugin.Add(container, _lan.Config()).Check().ResultAddresses()[0];
        server.End();
        _lan.Server.Run("ip", "addr", "add", "10.5.0.2/24", "dev", "eth0").Check();
        _lan.Server.Run("ip", "addr", "del", "10.5.0.1/24", "dev", "eth0").Check();
        if (!_lan.Server.Addresses("eth0").Contains("10.5.0.2/24"))
            _lan.Server.Run("ip", "addr", "add", "10.5.0.2/24", "dev", "eth0").Check();
        _lan.Dhcpd(Short);

        daemon.WaitFor($"prolonged {address} by 10.5.0.2");
    }

    [Fact]
    public void When_nobody_prolongs_it_the_interface_is_set_down()
    {
        ProgramLog server = _lan.Dhcpd("default-lease-time 4; max-lease-time 4; min-lease-time 4;");
        ProgramLog daemon = _lan.Daemon();
        TestNamespace container = _lan.Host.AddContainer();
        string config = _lan.Config();
        PluginResult added = _lan.Plugin.Add(container, config).Check();
        server.Freeze();

        daemon.WaitFor("it expired, and no server prolonged it");

        // The answer to CHECK comes after all that the line in the log announces.
        Assert.Contains("no lease of container", new Plugin(_lan.Host, "dhcp").Check(container, Conf.WithResult(config, added)).CheckError(999).ErrorText, StringComparison.Ordinal);
        Assert.DoesNotContain(container.IpJson("link show dev eth0")[0].GetProperty("flags").EnumerateArray(), flag => flag.GetString() == "UP");
        Assert.Empty(_lan.Leases);
        server.Thaw();
        _lan.Plugin.Delete(container, config).Check();
    }

    [Fact]
    public void An_address_that_the_server_takes_away_is_not_used_any_longer()
    {
        ProgramLog server = _lan.DnsmasqOf("10.5.0.10,10.5.0.20");
        ProgramLog daemon = _lan.Daemon();
        TestNamespace container = _lan.Host.AddContainer();
        _lan.Plugin.Add(container, _lan.Config()).Check();
        server.End();
        daemon.End();
        File.Delete(Path.Combine(_lan.Host.Directory, "server.leases"));
        server = _lan.DnsmasqOf("10.5.0.100,10.5.0.110"); // it answers DHCPNAK to INIT-REBOOT, and offers another
        daemon = _lan.Daemon("-timeout", "1s");

        server.WaitFor("DHCPNAK");
        daemon.WaitFor("any more; interface \"eth0\" is set down");
        _lan.Plugin.Invoke("STATUS", _lan.Config()).Check(); // answered after all that the line announces
        Assert.Empty(_lan.Leases);
    }

    [Fact]
    public void A_server_that_lost_its_leases_gives_the_same_address_again()
    {
        ProgramLog server = _lan.Dhcpd(Short);
        ProgramLog daemon = _lan.Daemon();
        TestNamespace container = _lan.Host.AddContainer();
        string address = _lan.Plugin.Add(container, _lan.Config()).Check().ResultAddresses()[0];
        server.End();
        File.Delete(Path.Combine(_lan.Host.Directory, "server.leases"));
        _lan.Dhcpd(Short);

        daemon.WaitFor($"prolonged {address} by 10.5.0.1");
        Assert.Equal(0, daemon.Count("lost"));
    }

    [Fact]
    public void Without_a_server_ADD_ends_in_time_says_so_and_leaves_nothing()
    {
        _lan.Daemon("-timeout", "500ms", "-resendtimeout", "1500ms");
        TestNamespace container = _lan.Host.AddContainer();
        Snapshot before = Snapshot.Take(_lan.Host);

        string text = _lan.Plugin.Add(container, _lan.Config()).CheckError(999).ErrorText;

        Assert.Contains("error calling DHCP.Allocate: no more tries: no DHCP server gave an address within 1.5 s on \"eth0\"", text, StringComparison.Ordinal);
        Assert.Empty(_lan.Leases);
        before.AssertSame(Snapshot.Take(_lan.Host));
    }

    [Fact]
    public void A_plugin_that_is_killed_ends_its_request()
    {
        ProgramLog server = _lan.Dnsmasq("--dhcp-ignore=tag:!known");
        ProgramLog daemon = _lan.Daemon();
        TestNamespace container = _lan.Host.AddContainer();
        _lan.Host.Run("ip", "link", "add", "p0", "type", "veth", "peer", "name", "eth0", "netns", container.Name).Check();
        _lan.Host.Run("ip", "link", "set", "p0", "master", DhcpLan.Bridge, "up").Check();
        Process plugin = _lan.Host.Start([Path.Combine(Plugin.OursDirectory, "dhcp")], new Dictionary<string, string?>
        {
            ["CNI_COMMAND"] = "ADD",
            ["CNI_CONTAINERID"] = "c1",
            ["CNI_NETNS"] = container.Path,
            ["CNI_IFNAME"] = "eth0",
            ["CNI_PATH"] = Plugin.OursDirectory,
        });
        plugin.StandardInput.Write(_lan.Config());
        plugin.StandardInput.Close();
        server.WaitFor("DHCPDISCOVER");
        Command.Run(["kill", "-KILL", plugin.Id.ToString(CultureInfo.InvariantCulture)]).Check();
        daemon.WaitFor("net/c1/eth0: given up, its plugin hung up");
        Assert.Empty(_lan.Leases);
    }

    [Fact]
    public void What_has_no_interface_yet_is_told_so()
    {
        _lan.Daemon();
        Plugin.NeedsOurs("ptp");
        TestNamespace container = _lan.Host.AddContainer();
        Snapshot before = Snapshot.Take(_lan.Host);
        string config = _lan.Config(keys: """{ "type": "ptp" }""");

        string text = new Plugin(_lan.Host, "ptp").Add(container, config).CheckError(7).ErrorText;

        Assert.Contains("dhcp cannot be used with ptp", text, StringComparison.Ordinal);
        before.AssertSame(Snapshot.Take(_lan.Host));
        text = new Plugin(_lan.Host, "dhcp").Add(container, _lan.Config()).CheckError(7).ErrorText;
        Assert.Contains("there is no interface \"eth0\"", text, StringComparison.Ordinal);
        _lan.Plugin.Delete(container, config).Check();
    }

    [Fact]
    public void The_reference_plugin_is_told_that_this_daemon_is_another()
    {
        Plugin reference = ReferencePlugins.Plugin(_lan.Host, "dhcp");
        _lan.Daemon();
        TestNamespace container = _lan.Host.AddContainer();
        string text = reference.Add(container, _lan.Config(version: "1.0.0")).CheckError(999).ErrorText;
        Assert.Contains("This is the dhcp daemon of patchbay", text, StringComparison.Ordinal);
    }
}
