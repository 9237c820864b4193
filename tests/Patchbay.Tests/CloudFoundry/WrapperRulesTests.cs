using System.Net;
using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Main.Masquerading;
using Patchbay.Plugins.Meta.Wrapper;
using Patchbay.Plugins.Meta.Wrapper.Iptables;

namespace Patchbay.Tests.CloudFoundry;

/// <summary>The chains of Cloud Foundry's plugin, as <c>iptables -S</c> prints them.</summary>
public class WrapperRulesTests
{
    private const string Handle = "some-container-id-that-is-long";

    [Theory]
    [InlineData("netout", "", "netout--some-container-id-th")]
    [InlineData("netout", "rl-log", "netout--some-contain--rl-log")]
    [InlineData("netout", "log", "netout--some-container---log")]
    [InlineData("overlay", "", "overlay--some-container-id-t")]
    [InlineData("input", "", "input--some-container-id-tha")]
    public void Names_have_28_characters_at_most(string prefix, string suffix, string name)
    {
        string made = ChainName.Of(prefix, Handle, suffix);
        Assert.True(made.Length <= 28);
        Assert.Equal(name, made);
        Assert.Equal($"{prefix}--short{(suffix.Length > 0 ? $"--{suffix}" : "")}", ChainName.Of(prefix, "short", suffix));
    }

    [Fact]
    public void Everything_at_once()
    {
        string script = Rules("""
            "dns_servers": ["8.8.8.8", "169.254.0.2"], "host_tcp_services": ["169.254.0.2:9001"], "host_udp_services": ["169.254.0.2:9002"],
            "deny_networks": { "always": ["1.1.0.0/16", "2.2.0.0/16"], "running": ["3.3.0.0/16"], "staging": ["4.4.0.0/16"] },
            "iptables_asg_logging": false, "iptables_c2c_logging": true, "outbound_connections": { "limit": true, "logging": true, "burst": 999, "rate_per_sec": 100 }
            """).Script(groups: true).ToString();

        Assert.Equal(
            """
            *filter
            :input--web - [0:0]
            :netout--web - [0:0]
            :netout--web--log - [0:0]
            :netout--web--rl-log - [0:0]
            :overlay--web - [0:0]
            -A INPUT -s 10.255.30.4/32 -j input--web
            -A input--web -m state --state RELATED,ESTABLISHED -j ACCEPT
            -A input--web -d 169.254.0.2/32 -p tcp -m tcp --dport 53 -j ACCEPT
            -A input--web -d 169.254.0.2/32 -p udp -m udp --dport 53 -j ACCEPT
            -A input--web -d 169.254.0.2/32 -p tcp -m tcp --dport 9001 -j ACCEPT
            -A input--web -d 169.254.0.2/32 -p udp -m udp --dport 9002 -j ACCEPT
            -A input--web -j REJECT --reject-with icmp-port-unreachable
            -A FORWARD -s 10.255.30.4/32 -o eth0 -j netout--web
            -A FORWARD -s 10.255.30.4/32 -o eth1 -j netout--web
            -A netout--web -m state --state RELATED,ESTABLISHED -j ACCEPT
            -A netout--web -p tcp -m state --state INVALID -j DROP
            -A netout--web--rl-log -m limit --limit 3/sec --limit-burst 3 -j LOG --log-prefix "DENY_ORL_web "
            -A netout--web--rl-log -j REJECT --reject-with icmp-port-unreachable
            -A netout--web -p tcp -m conntrack --ctstate NEW -m hashlimit --hashlimit-above 100/sec --hashlimit-burst 999 --hashlimit-mode dstip,dstport --hashlimit-name web --hashlimit-htable-expire 10000 -j netout--web--rl-log
            -A netout--web -d 3.3.0.0/16 -j REJECT --reject-with icmp-port-unreachable
            -A netout--web -d 2.2.0.0/16 -j REJECT --reject-with icmp-port-unreachable
            -A netout--web -d 1.1.0.0/16 -j REJECT --reject-with icmp-port-unreachable
            -A netout--web -p icmp -m iprange --dst-range 8.8.0.0-8.8.255.255 -m icmp --icmp-type 8/0 -j ACCEPT
            -A netout--web -p tcp -m iprange --dst-range 9.9.9.9-9.9.9.9 -m tcp --dport 80:90 -g netout--web--log
            -A netout--web -m iprange --dst-range 10.0.0.1-10.0.0.9 -j ACCEPT
            -A netout--web -j REJECT --reject-with icmp-port-unreachable
            -A netout--web--log ! -p udp -m conntrack --ctstate INVALID,NEW,UNTRACKED -j LOG --log-prefix "OK_web "
            -A netout--web--log -p udp -m limit --limit 7/sec --limit-burst 7 -j LOG --log-prefix "OK_web "
            -A netout--web--log -j ACCEPT
            -A FORWARD -j overlay--web
            -A overlay--web -s 10.255.30.4/32 -o silk-vtep -m mark ! --mark 0x0 -j ACCEPT
            -A overlay--web -d 10.255.30.4/32 -m state --state RELATED,ESTABLISHED -j ACCEPT
            -A overlay--web -d 10.255.30.4/32 -m mark --mark 0xffff0000 -j ACCEPT
            -A overlay--web -d 10.255.30.4/32 -m limit --limit 3/sec --limit-burst 3 -j LOG --log-prefix "DENY_C2C_web "
            -A overlay--web -d 10.255.30.4/32 -j REJECT --reject-with icmp-port-unreachable
            COMMIT
            *mangle
            :netin--web - [0:0]
            -A PREROUTING -j netin--web
            -A netin--web -d 192.0.2.10/32 -i eth0 -p tcp -m tcp --dport 61000 -j MARK --set-xmark 0xffff0000/0xffffffff
            -A netin--web -d 192.0.2.10/32 -i eth1 -p tcp -m tcp --dport 61000 -j MARK --set-xmark 0xffff0000/0xffffffff
            COMMIT
            *nat
            :netin--web - [0:0]
            -A PREROUTING -j netin--web
            -A netin--web -d 192.0.2.10/32 -p tcp -m tcp --dport 61000 -j DNAT --to-destination 10.255.30.4:8080
            -A POSTROUTING -s 10.255.30.4/32 ! -d 10.255.0.0/16 ! -o silk-vtep -j MASQUERADE
            COMMIT

            """,
            script);
    }

    [Fact]
    public void Security_groups_that_come_later_go_before_the_last_rule()
    {
        string[] lines = Rules("""
            "deny_networks": { "always": ["1.1.0.0/16"] }, "iptables_asg_logging": true, "outbound_connections": { "limit": true, "burst": 5, "rate_per_sec": 5, "dry_run": true }
            """).GroupsScript().ToString().Split('\n');
        Assert.StartsWith("-I netout--web 5 -p icmp -m iprange ", lines[1], StringComparison.Ordinal);
        Assert.StartsWith("-I netout--web 6 -p tcp -m iprange ", lines[2], StringComparison.Ordinal);
        Assert.Equal("-I netout--web 7 -m iprange --dst-range 10.0.0.1-10.0.0.9 -g netout--web--log", lines[3]);
    }

    [Fact]
    public void A_dry_run_logs_and_lets_through()
    {
        string script = Rules("""
            "iptables_denied_logs_per_sec": 5, "outbound_connections": { "limit": true, "burst": 7, "rate_per_sec": 5, "dry_run": true }
            """).Script(groups: false).ToString();
        Assert.Contains("-A netout--web--rl-log -m limit --limit 5/sec -j LOG --log-prefix \"DENY_ORL_web \"\n", script, StringComparison.Ordinal);
        Assert.DoesNotContain("-A netout--web--rl-log -j REJECT", script, StringComparison.Ordinal);
        Assert.Contains("--hashlimit-htable-expire 2000 -j netout--web--rl-log", script, StringComparison.Ordinal);
    }

    [Fact]
    public void Removal_takes_chains_and_what_leads_to_them_and_nothing_else()
    {
        string[] saved =
        [
            "*filter", ":FORWARD ACCEPT [0:0]", ":netout--web - [0:0]", ":netout--other - [0:0]", "-A FORWARD -s 10.255.30.4/32 -o eth0 -j netout--web", "-A FORWARD -j netout--other",
            "-A netout--web -g netout--web--log", "COMMIT", "*nat", "-A POSTROUTING -s 10.255.30.4/32 ! -o silk-vtep -j MASQUERADE", "-A POSTROUTING -s 10.255.30.5/32 ! -o silk-vtep -j MASQUERADE", "COMMIT", "",
        ];
        string script = IptablesChains.Removal(saved, WrapperRules.ChainsOf("web"), (table, line) => table == "nat" && line.Contains("10.255.30.4/32", StringComparison.Ordinal)).ToString();
        Assert.Equal(
            """
            *filter
            :netout--web - [0:0]
            -D FORWARD -s 10.255.30.4/32 -o eth0 -j netout--web
            -X netout--web
            COMMIT
            *nat
            -D POSTROUTING -s 10.255.30.4/32 ! -o silk-vtep -j MASQUERADE
            COMMIT

            """,
            script);
    }

    private static WrapperRules Rules(string keys)
    {
        string json = $$"""
            { "name": "n", "type": "wrapper", "cniVersion": "1.0.0", "datastore": "/d/store.json", "delegate": { "type": "ptp" }, "backend": "iptables", "iptables_lock_file": "/d/lock",
              "instance_address": "192.0.2.10", "underlay_ips": ["192.0.2.10"], "no_masquerade_cidr_range": "10.255.0.0/16", "ingress_tag": "ffff0000", "vtep_name": "silk-vtep",
              "iptables_denied_logs_per_sec": 3, "iptables_accepted_udp_logs_per_sec": 7, "policy_agent_force_poll_address": "", {{keys}} }
            """;
        RuleConfig config = WrapperConfig.Read(NetworkConfig.Parse(Encoding.UTF8.GetBytes(json))).Rules!;
        List<EgressRule> groups = EgressRule.Read(
            JsonView.Parse("""
                { "rules": [{ "networks": [{ "start": "10.0.0.1", "end": "10.0.0.9" }] }, { "protocol": 1, "networks": [{ "start": "9.9.9.9" }], "ports": [{ "start": 80, "end": 90 }], "log": true },
                  { "protocol": 3, "networks": [{ "start": "8.8.0.0", "end": "8.8.255.255" }], "icmps": { "type": 8, "code": 0 } }] }
                """u8.ToArray(), "test").Array("rules"),
            ipv6: false, _ => { });
        groups.Reverse();
        return new WrapperRules(new ContainerNetwork(new MasqueradeName("n", "web", "eth0"), IPAddress.Parse("10.255.30.4"), config, ["eth0", "eth1"])
        {
            Workload = "app",
            Ports = [new NetIn(61000, 8080)],
            Groups = groups,
        });
    }
}
