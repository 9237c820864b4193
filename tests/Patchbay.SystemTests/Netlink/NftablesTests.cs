using System.Net;
using System.Text.Json;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Netfilter.Expressions;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Netlink;

/// <summary>What the library does to nf_tables is what the same nft(8) script does, as nft(8) lists it.</summary>
public class NftablesTests
{
    [Fact]
    public void Rules_are_listed_as_those_of_the_script()
    {
        AssertSameAs(
            """
            table inet t {
              comment "a comment"
              chain d { comment "of the chain"; }
              chain c {
                ip saddr 10.1.2.3 ip daddr != 10.1.2.0/24 masquerade comment "of the rule"
                ip6 saddr fd00::3 ip6 daddr != fd00::/65 masquerade random
                ip daddr 224.0.0.0/4 counter return
                ip daddr 0.0.0.0/0 return
                iifname "eth*" oifname != "eth0" jump d
                ether saddr 02:00:00:00:00:01 goto d
                ct state established,related accept
                fib daddr type local jump d
                tcp dport 80 return
                udp dport 1000-2000 return
                ip6 daddr fd00::5 tcp dport 80 return
                meta mark & 0x2000 == 0x2000 masquerade
                meta mark set meta mark & 0xffffdfff | 0x2000
                meta mark set 0x00000007
              }
              chain post { type nat hook postrouting priority 100; policy accept; goto c; }
              chain pre { type nat hook prerouting priority -100; policy accept; tcp dport 80 dnat ip to 10.1.2.3:8080; udp dport 53 redirect to :5353; }
              chain f { type filter hook forward priority 0; policy drop; drop; }
              chain r { reject; log prefix "x " level info; limit rate 10/minute burst 3 packets accept; }
            }
            """,
            t =>
            {
                const NftFamily Inet = NftFamily.Inet;
                t.Add(new NftTable(Inet, "t") { Comment = "a comment" });
                t.Add(new NftChain(Inet, "t", "d") { Comment = "of the chain" });
                t.Add(new NftChain(Inet, "t", "c"));
                t.Add(new NftChain(Inet, "t", "post") { Hook = new NftHook("nat", NftHookPoint.Postrouting, 100) });
                t.Add(new NftChain(Inet, "t", "pre") { Hook = new NftHook("nat", NftHookPoint.Prerouting, -100) });
                t.Add(new NftChain(Inet, "t", "f") { Hook = new NftHook("filter", NftHookPoint.Forward, 0) { Drop = true } });
                t.Add(new NftChain(Inet, "t", "r"));
                Rule(r => r.Source(Ip("10.1.2.3")).DestinationOutside(Ip("10.1.2.77"), 24).Masquerade(), comment: "of the rule");
                Rule(r => r.Source(Ip("fd00::3")).DestinationOutside(Ip("fd00::1"), 65).Masquerade(NftNatOptions.Random));
                Rule(r => r.Destination(Ip("224.0.0.0"), 4).Counter().Return());
                Rule(r => r.Destination(Ip("0.0.0.0"), 0).Return());
                Rule(r => r.Input("eth*").Output("eth0", inverted: true).Jump("d"));
                Rule(r => r.EthernetSource(MacAddress.FromBytes([2, 0, 0, 0, 0, 1])).Goto("d"));
                Rule(r => r.State(NftConnectionState.Established | NftConnectionState.Related).Accept());
                Rule(r => r.DestinationIsLocal().Jump("d"));
                Rule(r => r.DestinationPort(6, 80).Return());
                Rule(r => r.DestinationPort(17, 1000, 2000).Return());
                Rule(r => r.Destination(Ip("fd00::5")).DestinationPort(6, 80).Return());
                Rule(r => r.Mark(0x2000, 0x2000).Masquerade());
                Rule(r => r.SetMark(0x2000, 0x2000));
                Rule(r => r.SetMark(7));
                Rule(r => r.Goto("c"), "post");
                Rule(r => r.DestinationPort(6, 80).DestinationNat(Ip("10.1.2.3"), 8080), "pre");
                Rule(r => r.DestinationPort(17, 53).Redirect(5353), "pre");
                Rule(r => r.Drop(), "f");
                Rule(r => r.Reject(), "r");
                Rule(r => r.Add(new NftLog { Prefix = "x ", Level = 6 }), "r");
                Rule(r => r.Add(new NftLimit(10, 60, 3)).Accept(), "r");

                void Rule(Func<NftRuleBuilder, NftRuleBuilder> compose, string chain = "c", string? comment = null) =>
                    t.Add(new NftRule(Inet, "t", chain, compose(new NftRuleBuilder(Inet)).Build()) { Comment = comment });
            });
    }

    [Fact]
    public void Sets_and_maps_are_listed_as_those_of_the_script()
    {
        AssertSameAs(
            """
            table ip t {
              set named { type ipv4_addr; comment "of the set"; elements = { 10.0.0.1 comment "of the element", 10.0.0.2 }; }
              set ranges { type ipv4_addr; flags interval; elements = { 10.0.0.0/24, 192.168.1.1-192.168.1.9, 192.168.1.20 }; }
              set limited { type ipv4_addr . inet_service; flags timeout; timeout 1h; elements = { 10.0.0.1 . 80 }; }
              set blocks { type ipv4_addr . inet_service; flags interval; elements = { 10.0.0.0/24 . 80-90, 10.0.1.1 . 100 }; }
              set links { type ifname; elements = { "eth0" }; }
              map verdicts { type ipv4_addr . inet_proto . inet_service : verdict; elements = { 10.0.0.1 . tcp . 80 : accept, 10.0.0.2 . udp . 53 : jump d }; }
              map marks { type inet_service : mark; elements = { 80 : 0x00000005 }; }
              map targets { type inet_service : ipv4_addr . inet_service; elements = { 80 : 10.0.0.1 . 8080 }; }
              chain d { }
              chain c {
                ip saddr != @named accept
                ip saddr { 10.0.0.7, 10.0.0.8 } drop
                ip daddr . meta l4proto . th dport vmap @verdicts
              }
            }
            """,
            t =>
            {
                const NftFamily Ip4 = NftFamily.Ip;
                t.Add(new NftTable(Ip4, "t"));
                t.Add(new NftChain(Ip4, "t", "d"));
                t.Add(new NftChain(Ip4, "t", "c"));
                var named = t.Add(Set("named", NftDataType.Ipv4Address) with { Comment = "of the set" }, [Element("10.0.0.1") with { Comment = "of the element" }, Element("10.0.0.2")]);
                t.Add(Set("ranges", NftDataType.Ipv4Address) with { Interval = true }, [Prefix("10.0.0.0", 24), Element("192.168.1.1") with { LastKey = NftKey.Of(Ip("192.168.1.9")) }, Element("192.168.1.20")]);
                var port = NftDataType.Concatenation(NftDataType.Ipv4Address, NftDataType.InetService);
                t.Add(Set("limited", port) with { Timeout = TimeSpan.FromHours(1) }, [new NftSetElement(Socket("10.0.0.1", 80))]);
                t.Add(Set("blocks", port) with { Interval = true }, [new NftSetElement(Socket("10.0.0.0", 80)) { LastKey = Socket("10.0.0.255", 90) }, new NftSetElement(Socket("10.0.1.1", 100))]);
                t.Add(Set("links", NftDataType.InterfaceName), [new NftSetElement(NftKey.Interface("eth0"))]);
                var verdicts = t.Add(
                    Set("verdicts", NftDataType.Concatenation(NftDataType.Ipv4Address, NftDataType.InetProtocol, NftDataType.InetService)) with { DataType = NftDataType.Verdict },
                    [
                        new NftSetElement(NftKey.Concatenate(NftKey.Of(Ip("10.0.0.1")), [6], NftKey.Port(80))) { Data = new NftData(NftVerdict.Accept) },
                        new NftSetElement(NftKey.Concatenate(NftKey.Of(Ip("10.0.0.2")), [17], NftKey.Port(53))) { Data = new NftData(NftVerdict.Jump("d")) },
                    ]);
                t.Add(Set("marks", NftDataType.InetService) with { DataType = NftDataType.Mark }, [new NftSetElement(NftKey.Port(80)) { Data = new NftData(NftKey.Number(5)) }]);
                t.Add(Set("targets", NftDataType.InetService) with { DataType = port }, [new NftSetElement(NftKey.Port(80)) { Data = new NftData(Socket("10.0.0.1", 8080)) }]);
                var anonymous = t.Add(Set("__set%d", NftDataType.Ipv4Address) with { Anonymous = true }, [Element("10.0.0.7"), Element("10.0.0.8")]);
                Rule(r => r.SourceIn(named, ipv4: true, inverted: true).Accept());
                Rule(r => r.SourceIn(anonymous, ipv4: true).Drop());
                Rule(r => r.LoadAddress(source: false, ipv4: true).Add(new NftMeta(NftMetaKey.TransportProtocol, NftRegister.W1)).LoadDestinationPort(NftRegister.W2).VerdictFrom(verdicts));

                void Rule(Func<NftRuleBuilder, NftRuleBuilder> compose) => t.Add(new NftRule(Ip4, "t", "c", compose(new NftRuleBuilder(Ip4)).Build()));
                static NftSet Set(string name, NftDataType key) => new(Ip4, "t", name, key);
            });
    }

    [Fact]
    public void Listings_give_back_what_was_added()
    {
        using var host = TestHost.Create();
        using var nft = Open(host);
        var set = new NftSet(NftFamily.Ip, "t", "s", NftDataType.Ipv4Address) { Interval = true };
        host.Run(["nft", "-f", "-"], "table ip t { set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/24, 192.0.2.1 }; }\n chain c { type filter hook input priority 5; tcp dport 80 counter accept comment \"x y\"; }\n chain d { drop; }\n }\n table inet u { comment \"z\"; }").Check();

        Assert.Equal(["ip t", "inet u"], nft.ListTables().Select(t => $"{t.Family} {t.Name}".ToLowerInvariant()).OrderDescending());
        Assert.Equal("z", Assert.Single(nft.ListTables(NftFamily.Inet)).Comment);
        Assert.Equal(5, nft.ListChains(NftFamily.Ip, "t").Single(c => c.Name == "c").Hook!.Priority);
        var rule = Assert.Single(nft.ListRules(NftFamily.Ip, "t", "c"));
        Assert.Equal(["meta", "cmp", "payload", "cmp", "counter", "immediate"], rule.Expressions.Select(e => e.Name));
        Assert.Equal(new NftRuleMark("c", rule.Handle, "x y", null), Assert.Single(nft.ListRuleMarks(NftFamily.Ip, "t", "c")));
        Assert.Equal(2, nft.ListRuleMarks(NftFamily.Ip, "t").Count);
        Assert.Empty(nft.ListRules(NftFamily.Ip, "nowhere", "c"));
        Assert.Equal(rule.Handle, Assert.Single(nft.ListRulesHolding(NftFamily.Ip, "t", "c", [[0, 80]])).Handle);
        Assert.Empty(nft.ListRulesHolding(NftFamily.Ip, "t", "c", [[0, 81]]));
        Assert.Equal(rule.Handle, Assert.Single(nft.FindRules(NftFamily.Ip, "t", "c", [rule.Handle, rule.Handle + 100])).Handle);
        Assert.Empty(nft.FindRules(NftFamily.Ip, "t", "d", [rule.Handle]));
        Assert.Empty(nft.FindRules(NftFamily.Ip, "nowhere", "d", [rule.Handle]));
        Assert.Equal(set with { Handle = nft.ListSets(NftFamily.Ip, "t")[0].Handle }, Assert.Single(nft.ListSets(NftFamily.Ip, "t")));
        Assert.Equal(["0A000000-0A0000FF", "C0000201-"], nft.ListElements(set).Select(e => $"{Convert.ToHexString(e.Key.Span)}-{Convert.ToHexString(e.LastKey.Span)}"));
        Assert.Equal(["c", null, null], nft.FindChains((NftFamily.Ip, "t", "c"), (NftFamily.Ip, "t", "x"), (NftFamily.Ip6, "t", "c")).Select(c => c?.Name));
    }

    [Fact]
    public void Transaction_is_carried_out_whole_or_not_at_all()
    {
        using var host = TestHost.Create();
        using var nft = Open(host);
        var transaction = new NftablesTransaction();
        transaction.Add(new NftTable(NftFamily.Inet, "t"));
        transaction.Add(new NftRule(NftFamily.Inet, "t", "missing", new NftRuleBuilder(NftFamily.Inet).Drop().Build()));
        transaction.Add(new NftTable(NftFamily.Inet, "u"));

        var failure = Assert.Throws<NetlinkException>(() => nft.Commit(transaction));

        Assert.StartsWith("add rule inet t missing: No such file or directory", failure.Message, StringComparison.Ordinal);
        Assert.Empty(nft.ListTables());
    }

    [Fact]
    public void Commit_that_fails_as_a_whole_is_reported()
    {
        using var host = TestHost.Create();
        using var nft = Open(host);
        var transaction = new NftablesTransaction();
        transaction.Add(new NftTable(NftFamily.Inet, "t"));
        for (var i = 0; i < 20; i++)
        {
            // Deeper than the 16 jumps that the kernel allows (NFT_JUMP_STACK_SIZE).
            transaction.Add(new NftChain(NftFamily.Inet, "t", $"c{i}") { Hook = i == 0 ? new NftHook("filter", NftHookPoint.Input, 0) : null });
            if (i > 0)
                transaction.Add(new NftRule(NftFamily.Inet, "t", $"c{i - 1}", new NftRuleBuilder(NftFamily.Inet).Jump($"c{i}").Build()));
        }

        Assert.Throws<NetlinkException>(() => nft.Commit(transaction));
        Assert.Empty(nft.ListTables());
        var next = new NftablesTransaction();
        next.Add(new NftTable(NftFamily.Inet, "after"));
        nft.Commit(next);
        Assert.Equal("after", Assert.Single(nft.ListTables()).Name);
    }

    [Fact]
    public void Deletions_that_may_miss_do_not_hinder_the_rest()
    {
        using var host = TestHost.Create();
        using var nft = Open(host);
        host.Run("nft", "add table inet t; add chain inet t c").Check();
        var transaction = new NftablesTransaction();
        transaction.DeleteTable(NftFamily.Ip, "nowhere", Tolerated.Missing);
        transaction.DeleteChain(NftFamily.Inet, "t", "missing", Tolerated.Missing);
        transaction.DeleteRule(NftFamily.Inet, "t", "c", 99, Tolerated.Missing);
        transaction.DeleteChain(NftFamily.Inet, "t", "c", Tolerated.Missing);
        transaction.FlushSet(NftFamily.Inet, "t", "missing", Tolerated.Missing);

        nft.Commit(transaction);

        Assert.Empty(nft.ListChains());
    }

    [Fact]
    public void Thousands_of_elements_and_errors_fit()
    {
        using var host = TestHost.Create();
        using var nft = Open(host);
        var set = new NftSet(NftFamily.Ip, "t", "s", NftDataType.Ipv4Address);
        var transaction = new NftablesTransaction();
        transaction.Add(new NftTable(NftFamily.Ip, "t"));
        transaction.Add(set, [.. Enumerable.Range(1, 20_000).Select(i => new NftSetElement(NftKey.Of(new IPAddress(BitConverter.GetBytes(i)))))]);
        nft.Commit(transaction);
        Assert.Equal(20_000, nft.ListElements(set).Count);

        var wrong = new NftablesTransaction();
        for (var i = 0; i < 2_000; i++)
            wrong.DeleteChain(NftFamily.Ip, "t", $"missing{i}");
        Assert.Equal("delete chain ip t missing0: No such file or directory", Assert.Throws<NetlinkException>(() => nft.Commit(wrong)).Message);
        Assert.Equal("t", Assert.Single(nft.ListTables()).Name);
    }

    private static IPAddress Ip(string text) => IPAddress.Parse(text);

    private static NftSetElement Element(string address) => new(NftKey.Of(Ip(address)));

    private static NftSetElement Prefix(string address, int length)
    {
        var (first, last) = NftKey.Prefix(Ip(address), length);
        return new NftSetElement(first) { LastKey = last };
    }

    private static byte[] Socket(string address, ushort port) => NftKey.Concatenate(NftKey.Of(Ip(address)), NftKey.Port(port));

    private static NftablesSocket Open(TestNamespace host)
    {
        using var space = NetworkNamespace.Open(host.Path);
        return NftablesSocket.Open(space);
    }

    private static void AssertSameAs(string script, Action<NftablesTransaction> commands)
    {
        using var expected = TestHost.Create();
        using var actual = TestHost.Create();
        expected.Run(["nft", "-f", "-"], script).Check();
        var transaction = new NftablesTransaction();
        commands(transaction);
        using (var nft = Open(actual))
            nft.Commit(transaction);

        Assert.Equal(Listing(expected), Listing(actual));
    }

    // The text is what people read, the JSON what programs do.
    private static string Listing(TestNamespace host)
    {
        var json = host.NftJson("list ruleset").EnumerateArray().Select(WithoutHandle).Order(StringComparer.Ordinal);
        return $"{string.Join('\n', host.Run("nft", "-s", "list", "ruleset").Check().StandardOutput.Split("\n\t}").Order(StringComparer.Ordinal))}\n{string.Join('\n', json)}";
    }

    private static string WithoutHandle(JsonElement element) =>
        System.Text.RegularExpressions.Regex.Replace(element.GetRawText(), "\"(handle|expires)\": ?[0-9]+,? ?", "");
}
