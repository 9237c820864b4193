using Patchbay.Cni.Model;
using Patchbay.Plugins.Ipam.Dhcp.Protocol;

namespace Patchbay.Tests.Ipam.Dhcp;

public sealed class LeaseTermsTests
{
    private static LeaseTerms Terms(params (byte Code, string Hex)[] options) =>
        new(Messages.Answer(DhcpMessageType.Ack, 1, more: [.. options.Select(o => (o.Code, Messages.Bytes(o.Hex)))]));

    private static string[] Routes(LeaseTerms terms, int priority = 0) =>
        [.. terms.ToResult(priority).Routes.Select(r => $"{r.Dst} {r.Gw} {r.Scope} {r.Priority}")];

    [Fact]
    public void Routers_give_the_gateway_and_the_default_route()
    {
        var terms = Terms((DhcpOption.Routers, "0a050001 0a050002"));
        Assert.Equal("10.5.0.1", terms.ToResult(0).Ips[0].Gateway!.ToString());
        Assert.Equal(["0.0.0.0/0 10.5.0.1  7"], Routes(terms, 7));
        Assert.Empty(Routes(Terms()));
        Assert.Null(Terms((DhcpOption.Routers, "00000000")).ToResult(0).Ips[0].Gateway);
    }

    [Fact]
    public void Classful_routes_come_before_the_default_route()
        => Assert.Equal(
            ["10.0.0.0/8 10.5.0.9  0", "172.16.0.0/16 10.5.0.9  0", "192.0.2.0/24 10.5.0.9  0", "0.0.0.0/0 10.5.0.1  0"],
            // The second of five is the default route, which is not legal here.
            Routes(Terms((DhcpOption.Routers, "0a050001"), (DhcpOption.StaticRoutes, "0a010203 0a050009 00000000 0a050009 ac100000 0a050009 c0000201 0a050009 e0000001 0a050009"))));

    [Fact]
    public void Classless_routes_stand_alone()
        => Assert.Equal(
            ["0.0.0.0/0 10.5.0.2  3", "10.0.0.0/8 10.5.0.2  3", "192.0.2.128/25 0.0.0.0 253 3", "203.0.113.7/32 10.5.0.3  3"],
            Routes(
                Terms(
                    (DhcpOption.Routers, "0a050001"),
                    (DhcpOption.StaticRoutes, "0a010203 0a050009"),
                    (DhcpOption.ClasslessStaticRoutes, "00 0a050002 08 0a 0a050002 19 c00002ff 00000000 20 cb007107 0a050003")),
                3));

    [Theory]
    [InlineData("21 0a0a0a0a 0a 0a050002")] // longer than an address
    [InlineData("18 c00002 0a0500")] // cut off
    [InlineData("")]
    public void Malformed_classless_routes_are_as_none(string hex)
        => Assert.Equal(["0.0.0.0/0 10.5.0.1  0"], Routes(Terms((DhcpOption.Routers, "0a050001"), (DhcpOption.ClasslessStaticRoutes, hex))));

    [Theory]
    [InlineData("ffffff00", "/24")]
    [InlineData("ffffffff", "/32")]
    [InlineData("00000000", "/0")]
    [InlineData("ffff00ff", "DHCP option Subnet Mask in DHCPACK is 255.255.0.255, which is no mask")]
    [InlineData("ffff", "DHCP option Subnet Mask not found in DHCPACK")]
    public void The_mask_must_be_one(string hex, string expected)
    {
        var terms = Terms((DhcpOption.SubnetMask, hex));
        if (expected[0] == '/')
            Assert.Equal("10.5.0.36" + expected, terms.ToResult(0).Ips[0].Address.ToString());
        else
            Assert.Equal(expected, Assert.Throws<CniException>(() => terms.ToResult(0)).Message);
    }

    [Theory]
    [InlineData(120u, null, null, 60, 102)]
    [InlineData(120u, 30u, 100u, 30, 100)]
    [InlineData(120u, 100u, 30u, 60, 102)] // in the wrong order
    [InlineData(120u, 130u, 140u, 60, 102)] // after the end
    [InlineData(0u, null, null, 0.5, 0.85)]
    public void Times_have_defaults(uint lease, uint? renewal, uint? rebinding, double expectedRenewal, double expectedRebinding)
    {
        var ack = Messages.Answer(DhcpMessageType.Ack, 1, lease: lease);
        if (renewal is { } t1)
            ack.Options.SetNumber(DhcpOption.RenewalTime, t1);
        if (rebinding is { } t2)
            ack.Options.SetNumber(DhcpOption.RebindingTime, t2);
        var terms = new LeaseTerms(ack);
        Assert.Equal((expectedRenewal, expectedRebinding), (terms.Renewal.TotalSeconds, terms.Rebinding.TotalSeconds));
    }

    [Fact]
    public void A_lease_may_be_for_ever_and_is_an_hour_when_not_told()
    {
        Assert.True(new LeaseTerms(Messages.Answer(DhcpMessageType.Ack, 1, lease: uint.MaxValue)).IsForEver);
        Assert.Equal(60, Terms((DhcpOption.LeaseTime, "00")).Length.TotalMinutes);
    }

    [Theory]
    [InlineData("07 6578616d706c65 03 6f7267 00", "example.org")]
    [InlineData("01 61 00 c000", "a")] // told twice
    [InlineData("01 61 00 01 62 c000 01 63 c003", "a b.a c.b.a")]
    [InlineData("01 61 00 c007", "a")] // forwards
    [InlineData("c000", "")] // to itself
    [InlineData("01 61 c000", "")] // without end
    [InlineData("03 61", "")] // cut off
    [InlineData("04 610a7362 00 01 62 00", "b")] // a line break, to write options into resolv.conf
    [InlineData("40 00", "")]
    public void Search_domains_are_unpacked_with_care(string hex, string expected)
        => Assert.Equal(expected, string.Join(' ', DomainNames.List(Messages.Bytes(hex))));

    [Theory]
    [InlineData("dom.example", "dom.example")]
    [InlineData("dom.example.\0", "dom.example")]
    [InlineData("two names", null)]
    [InlineData("a\nnameserver 6.6.6.6", null)]
    [InlineData("-a", null)]
    [InlineData("a..b", null)]
    [InlineData("", null)]
    public void A_domain_is_a_name(string text, string? expected)
        => Assert.Equal(expected, DomainNames.Single(System.Text.Encoding.Latin1.GetBytes(text)));

    [Theory]
    [InlineData("0578", 1400)]
    [InlineData("0240", 576)]
    [InlineData("0044", 0)] // no IPv4 network may be so narrow
    [InlineData("05", 0)]
    public void An_mtu_must_be_usable(string hex, int expected) => Assert.Equal(expected, Terms((DhcpOption.InterfaceMtu, hex)).Mtu);
}
