using Patchbay.Cni.Model;
using Patchbay.Plugins.Main.Masquerading;
using Patchbay.SystemTests.Harness;
using static Patchbay.SystemTests.Main.MasqueradingHost;

namespace Patchbay.SystemTests.Main;

/// <summary>ipMasq in both backends, judged by nft, iptables-save and the reference plugin.</summary>
public class MasqueradeTests
{
    private const string Layout =
        """
        table inet cni_plugins_masquerade {
        	comment "Masquerading for plugins from github.com/containernetworking/plugins"
        	chain masq_checks {
        		comment "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet"
        		ip saddr 10.22.0.2 ip daddr != 10.22.0.0/24 masquerade comment "COMMENT"
        		ip6 saddr fd00:1::2 ip6 daddr != fd00:1::/64 masquerade comment "COMMENT"
        	}

        	chain postrouting {
        		type nat hook postrouting priority srcnat; policy accept;
        		ip daddr 224.0.0.0/4 return
        		ip6 daddr ff00::/8 return
        		goto masq_checks
        	}
        }
        """;

    [Fact]
    public void Nftables_rules_are_those_of_the_reference_and_may_be_added_twice()
    {
        using var host = TestHost.Create();
        In(host, () =>
        {
            Add("nftables");
            Add("nftables");
            Assert.True(Masquerade.Exists(Request()));
            Assert.False(Masquerade.Exists(Request("other")));
        });

        var listing = host.Run("nft", "list", "ruleset").Check().StandardOutput.TrimEnd();
        var comment = listing.Split("masquerade comment \"")[1].Split('"')[0];
        Assert.Matches("^[0-9a-f]{16}-[0-9a-f]{16}, net: net, if: eth0, id: ctr1$", comment);
        Assert.Equal(Layout.Replace("COMMENT", comment, StringComparison.Ordinal), listing);

        In(host, () => Masquerade.Remove(Request()));
        Assert.DoesNotContain("comment \"" + comment, host.Run("nft", "list", "ruleset").Check().StandardOutput, StringComparison.Ordinal);
        In(host, () => Masquerade.Remove(Request()));
    }

    [Fact]
    public void Iptables_rules_are_byte_for_byte_those_of_the_reference_but_for_one_that_names_the_interface()
    {
        using var reference = TestHost.Create();
        using var ours = TestHost.Create();
        ReferencePlugins.Plugin(reference, "bridge").Add(reference.AddContainer(), ReferenceConfig(reference), containerId: "ctr1").Check();

        In(ours, () =>
        {
            Add("iptables");
            Assert.True(Masquerade.Exists(Request()));
            Assert.False(Masquerade.Exists(Request("other")));
        });

        string saved = SavedRules(ours);
        Assert.Equal(SavedRules(reference), OwnerRules.Without(saved));
        Assert.Equal(2, saved.Split("-m comment --comment \"interface eth0\"\n").Length - 1);
        In(ours, () => Add("iptables"));
        Assert.Equal(saved, SavedRules(ours));
    }

    [Fact]
    public void An_interface_may_have_any_name_that_the_kernel_allows()
    {
        using var host = TestHost.Create();
        const string Odd = "a\"b\\c'd\\";
        void Add(string ifName)
        {
            using var pending = Masquerade.Start(Request(ifName: ifName), "iptables", Ips);
            pending.Complete();
        }

        In(host, () => Add(Odd));
        string saved = SavedRules(host);
        In(host, () => Add(Odd));
        Assert.Equal(saved, SavedRules(host));

        In(host, () =>
        {
            Add("eth0");
            Masquerade.Collect("net", [new CniAttachment("ctr1", Odd)]);
        });
        Assert.Equal(saved, SavedRules(host));
        In(host, () => Masquerade.Remove(Request(ifName: Odd)));
        Assert.DoesNotContain("CNI-", SavedRules(host), StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_reference_added_is_removed_without_its_addresses()
    {
        using var host = TestHost.Create();
        ReferencePlugins.Plugin(host, "bridge").Add(host.AddContainer(), ReferenceConfig(host), containerId: "ctr1").Check();
        Assert.Contains("CNI-", SavedRules(host), StringComparison.Ordinal);

        In(host, () => Masquerade.Remove(Request("ctr2")));
        Assert.Contains("CNI-", SavedRules(host), StringComparison.Ordinal);
        In(host, () => Masquerade.Remove(Request()));

        Assert.DoesNotContain("CNI-", SavedRules(host), StringComparison.Ordinal);
        In(host, () => Masquerade.Remove(Request()));
    }

    [Fact]
    public void What_is_added_here_is_removed_by_the_reference()
    {
        using var host = TestHost.Create();
        var container = host.AddContainer();
        var bridge = ReferencePlugins.Plugin(host, "bridge");
        bridge.Add(container, ReferenceConfig(host), containerId: "ctr1").Check();
        In(host, () =>
        {
            Masquerade.Remove(Request());
            Add("iptables");
        });

        bridge.Delete(container, ReferenceConfig(host), containerId: "ctr1").Check();

        Assert.DoesNotContain("CNI-", SavedRules(host), StringComparison.Ordinal);
    }

    [Fact]
    public void Old_tables_are_cleaned_too()
    {
        Needs.IptablesLegacy();
        using var host = TestHost.Create();
        var chain = new MasqueradeName(Request()).Chain;
        foreach (var (family, source) in new[] { ("iptables", "10.22.0.2"), ("ip6tables", "fd00:1::2") })
        {
            var prefix = new[] { $"{family}-legacy", "-w", "-t", "nat" };
            host.Run([.. prefix, "-N", chain]).Check();
            host.Run([.. prefix, "-A", chain, "-j", "MASQUERADE", "-m", "comment", "--comment", "name: \"net\" id: \"ctr1\""]).Check();
            host.Run([.. prefix, "-A", "POSTROUTING", "-s", source, "-j", chain, "-m", "comment", "--comment", "name: \"net\" id: \"ctr1\""]).Check();
        }

        host.Run("iptables-legacy", "-w", "-t", "nat", "-A", "POSTROUTING", "-s", "192.0.2.1", "-j", "ACCEPT").Check();

        In(host, () =>
        {
            Assert.True(Masquerade.Exists(Request()));
            Masquerade.Collect("net", [new CniAttachment("ctr1", "eth0")]);
            Assert.True(Masquerade.Exists(Request()));
            Masquerade.Collect("net", []);
        });

        var left = SavedRules(host, "legacy-");
        Assert.DoesNotContain("CNI-", left, StringComparison.Ordinal);
        Assert.Contains("-s 192.0.2.1/32 -j ACCEPT", left, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("iptables")]
    [InlineData("nftables")]
    public void Garbage_of_one_network_is_collected_and_no_more(string backend)
    {
        using var host = TestHost.Create();
        host.Run("iptables", "-t", "nat", "-A", "POSTROUTING", "-s", "192.0.2.1", "-j", "MASQUERADE").Check();
        In(host, () =>
        {
            foreach (var (container, network) in new[] { ("ctr1", "net"), ("ctr2", "net"), ("ctr1", "net2") })
            {
                using var pending = Masquerade.Start(Request(container, network: network), backend, Ips);
                pending.Complete();
            }

            Masquerade.Collect("net", [new CniAttachment("ctr2", "eth0")]);

            Assert.False(Masquerade.Exists(Request("ctr1")));
            Assert.True(Masquerade.Exists(Request("ctr2")));
            Assert.True(Masquerade.Exists(Request("ctr1", network: "net2")));
            Masquerade.Collect("net", []);
            Assert.False(Masquerade.Exists(Request("ctr2")));
            Assert.True(Masquerade.Exists(Request("ctr1", network: "net2")));
        });
        Assert.Contains("192.0.2.1", SavedRules(host), StringComparison.Ordinal);
    }

    [Fact]
    public void Default_backend_is_iptables_where_it_is_installed()
    {
        using var host = TestHost.Create();
        In(host, () => Add(null));
        Assert.Contains("CNI-", SavedRules(host), StringComparison.Ordinal);
    }

    [Fact]
    public void Unknown_backend_is_refused()
    {
        var error = Assert.Throws<CniException>(() => Masquerade.RequireBackend("x"));
        Assert.Equal("unknown ipmasq backend \"x\"", error.Message);
    }

    [Fact]
    public void Backends_are_there_and_asking_leaves_nothing()
    {
        using var host = TestHost.Create();
        In(host, () =>
        {
            Masquerade.RequireBackend("nftables");
            Masquerade.RequireBackend("iptables");
            SpoofCheck.RequireKernel();
        });
        Assert.Empty(host.Run("nft", "list", "ruleset").Check().StandardOutput);
    }

    private static void Add(string? backend)
    {
        using var pending = Masquerade.Start(Request(), backend, Ips);
        pending.Complete();
    }

    private static string ReferenceConfig(TestHost host) =>
        $$"""
        { "cniVersion": "1.0.0", "name": "net", "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true,
          "ipam": { "type": "host-local", "dataDir": "{{host.DataDirectory}}", "ranges": [[{ "subnet": "10.22.0.0/24" }], [{ "subnet": "fd00:1::/64" }]] } }
        """;
}
