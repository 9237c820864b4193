using Patchbay.Netlink.Netfilter;
using Patchbay.Plugins.Meta.Firewall;
using Patchbay.Plugins.Meta.Portmap;
using Patchbay.Plugins.PacketFilter;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Main;

/// <summary>Rules that iptables-nft(8) made are read in nf_tables as iptables-save(8) tells them, and those that jump to a chain are found.</summary>
public sealed class IptablesRuleTests : IDisposable
{
    private readonly TestHost _host = TestHost.Create();

    public IptablesRuleTests() => Needs.IptablesNft();

    public void Dispose() => _host.Dispose();

    public static TheoryData<string> Understood { get; } =
    [
        "-s 10.99.0.7 -j ACCEPT", "-d fd00:99::7 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT", "-s 10.99.0.0/16 -j RETURN", "! -d 224.0.0.0/4 -j MASQUERADE", "! -d ff00::/8 -j MASQUERADE",
        "-s 10.96.0.0/12 ! -d 10.99.1.0/25 -j RETURN", "-d fd00:99:80::/41 -j RETURN", "-i br0 ! -o br0 -j OTHER", "-i eth+ -j OTHER", "-o abcdefghijklmno -j OTHER",
        "-p tcp --dport 8080 -d 192.0.2.1 -j DNAT --to-destination 10.99.0.7:80", "-p tcp --dport 8080 -j DNAT --to-destination [fd00:99::7]:80",
        "-p udp --dport 53 -s 127.0.0.1 -j OTHER", "-p sctp --dport 9 -j DNAT --to-destination 10.99.0.7:9", "-p dccp --dport 9 -j OTHER",
        "-m comment --comment \"dnat name: \\\"net\\\" id: \\\"ctr\\\"\" -m multiport -p tcp --destination-ports 8080,443,1,2,3,4,5,6,7,8,9,10,11,12,13 -j OTHER",
        "-m comment --comment one -j MARK --set-xmark 0x2000/0x2000", "-m mark --mark 0x2000/0x2000 -j MASQUERADE", "-m addrtype --dst-type LOCAL -j OTHER", "-j OTHER", "-g OTHER",
    ];

    [Theory]
    [MemberData(nameof(Understood))]
    public void Words_are_those_of_iptables_save(string words)
    {
        bool ipv4 = !words.Contains("::", StringComparison.Ordinal);
        (NftRule rule, string saved) = Make(ipv4, words);

        string line = $"-A RULES {IptablesRule.Read(rule).Words}";

        Assert.Equal(IptablesState.Canonical([saved]), IptablesState.Canonical([line]));
        if (!words.Contains("-p ", StringComparison.Ordinal)) // which comes first in the kernel, and later with the program
            Assert.Equal(IptablesLayout.Normal(saved), IptablesLayout.Normal(line));
    }

    [Theory]
    [InlineData("-p tcp --dport 80:90 -j ACCEPT")]
    [InlineData("-p tcp --syn --dport 80 -j ACCEPT")]
    [InlineData("-p sctp --dport 80:90 -j ACCEPT")]
    [InlineData("-p sctp --sport 9 -j ACCEPT")]
    [InlineData("-p dccp --sport 9 -j ACCEPT")]
    [InlineData("-m multiport -p tcp --source-ports 80,81 -j ACCEPT")]
    [InlineData("-m multiport -p tcp ! --destination-ports 80,81 -j ACCEPT")]
    [InlineData("-m multiport -p tcp --destination-ports 80:90,100 -j ACCEPT")]
    [InlineData("-m addrtype --src-type LOCAL -j ACCEPT")]
    [InlineData("-m limit --limit 1/sec -s 10.99.0.7 -j ACCEPT")]
    [InlineData("-p tcp -j DNAT --to-destination 10.99.0.7-10.99.0.9:80")]
    [InlineData("-p tcp -j DNAT --to-destination 10.99.0.7:80-90")]
    [InlineData("-j MASQUERADE --random")]
    public void What_no_layout_has_is_told_to_be_something_else(string words) =>
        Assert.Contains("--not-understood", IptablesRule.Read(Make(ipv4: true, words).Rule).Words, StringComparison.Ordinal);

    [Fact]
    public void Jumps_are_found_wherever_and_whenever_they_were_made()
    {
        const string From = "POSTROUTING";
        Restore(ipv4: true, ":OWN - [0:0]", ":LATE - [0:0]", ":UNUSED - [0:0]", "-A OWN -j ACCEPT", "-A OWN -j RETURN", "-A POSTROUTING -s 10.99.0.7 -j OWN", "-A POSTROUTING -s 10.99.0.8 -j OWN", "-A LATE -j ACCEPT");
        for (int i = 0; i < 12; i++)
            _host.Run("iptables", "-t", "nat", "-A", From, "-s", $"10.99.1.{i}", "-j", "ACCEPT").Check();
        _host.Run("iptables", "-t", "nat", "-A", From, "-s", "10.99.0.9", "-j", "LATE").Check();
        _host.Run("iptables", "-t", "nat", "-A", "OUTPUT", "-s", "10.99.0.9", "-j", "LATE").Check();

        Assert.Equal(["10.99.0.7/32", "10.99.0.8/32"], Sources("OWN"));
        Assert.Equal(["10.99.0.9/32"], Sources("LATE"));
        Assert.Empty(Sources("UNUSED"));
        // One that was made later belongs to it too.
        _host.Run("iptables", "-t", "nat", "-I", From, "-s", "10.99.0.6", "-j", "OWN").Check();
        Assert.Equal(["10.99.0.6/32", "10.99.0.7/32", "10.99.0.8/32"], Sources("OWN"));

        string[] Sources(string chain)
        {
            string[] found = [];
            OnNftables(nft => found = [.. IptablesOnNft.FindJumps(nft, nft.FindChains((NftFamily.Ip, "nat", chain))[0]!, From, nft.ListRules(NftFamily.Ip, "nat", chain))
                .Select(rule => IptablesRule.Read(rule).Words.Split(' ')[1])]);
            return found;
        }
    }

    private (NftRule Rule, string Saved) Make(bool ipv4, string words)
    {
        Restore(ipv4, ":RULES - [0:0]", ":OTHER - [0:0]", $"-A RULES {words}");
        NftRule? rule = null;
        OnNftables(nft => rule = Assert.Single(nft.ListRules(IptablesOnNft.Family(ipv4), "nat", "RULES")));
        return (rule!, _host.Run(ipv4 ? "iptables-save" : "ip6tables-save", "-t", "nat").Check().StandardOutput.Split('\n').Single(line => line.StartsWith("-A RULES ", StringComparison.Ordinal)));
    }

    private void Restore(bool ipv4, params string[] lines) =>
        _host.Run([ipv4 ? "iptables-restore" : "ip6tables-restore", "--noflush"], $"*nat\n{string.Join('\n', lines)}\nCOMMIT\n").Check();

    private void OnNftables(Action<NftablesSocket> work) => MasqueradingHost.In(_host, () =>
    {
        using NftablesSocket nft = NftablesSocket.Open();
        work(nft);
    });
}
