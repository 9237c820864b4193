using Patchbay.Lab.Plan;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Tests.Lab;

public class LabValueTests
{
    [Theory]
    [InlineData("10.0.0.1/24", 0, "10.0.0.1/24")]
    [InlineData("10.0.0.255/16", 1, "10.0.1.0/16")]
    [InlineData("10.0.0.254/24", 1, null)] // broadcast
    [InlineData("10.0.0.254/24", 2, null)] // outside
    [InlineData("10.0.0.0/31", 1, "10.0.0.1/31")]
    [InlineData("255.255.255.255/0", 1, null)]
    [InlineData("fd00::ffff/64", 1, "fd00::1:0/64")]
    [InlineData("fd00::ffff:ffff:ffff:ffff/64", 1, null)]
    public void Addresses_stay_in_their_network(string text, int offset, string? expected)
    {
        Assert.True(Prefix.TryParse(text, out Prefix prefix));

        Assert.Equal(expected, prefix.Plus(offset)?.ToString());
    }

    [Theory]
    [InlineData("10.1/8")]
    [InlineData("010.0.0.1/8")]
    [InlineData("10.0.0.1/33")]
    [InlineData("10.0.0.1/-1")]
    [InlineData("10.0.0.1")]
    [InlineData("fe80::1%eth0/64")]
    [InlineData("[fd00::1]/64")]
    public void What_people_do_not_write_is_no_address(string text) => Assert.False(Prefix.TryParse(text, out _));

    [Theory]
    [InlineData("default via 10.0.0.1", "default via 10.0.0.1 dev eth0")]
    [InlineData("default via fd00::1", "default via fd00::1 dev eth0")]
    [InlineData("10.0.0.0/8 via 10.1.0.100 metric 50", "10.0.0.0/8 via 10.1.0.100 dev eth0 metric 50")]
    [InlineData("10.0.0.7", "10.0.0.7/32 dev eth0")]
    [InlineData("fd00::/8 dev eth0 table 7", "fd00::/8 dev eth0 table 7")]
    public void Routes_read_as_they_are_typed(string text, string expected)
    {
        Assert.Null(RouteText.TryParse(text, "eth0", out Route? route));

        Assert.Equal(expected, $"{route! with { Link = 2 }}");
    }

    [Theory]
    [InlineData("1mbit", 125_000UL)]
    [InlineData("8kbit", 1000UL)]
    [InlineData("1mbps", 1_000_000UL)]
    [InlineData("1mibit", 131_072UL)]
    [InlineData("800", 100UL)]
    public void Rates_are_in_bits_unless_they_say_bytes(string text, ulong bytes)
    {
        Assert.True(NetemText.TryRate(text, out ulong rate));
        Assert.Equal(bytes, rate);
    }

    [Fact]
    public void Marks_follow_from_names_and_tell_the_lab()
    {
        Ownership one = new("one");
        Link link = new() { Index = 2, Name = "eth0", Kind = "veth", Group = one.Group, AlternativeNames = [one.Mark("a", "eth0")] };

        Assert.True(one.Owns(link));
        Assert.True(one.Owns(link with { AlternativeNames = [] })); // made, and the maker was killed before it could mark it
        Assert.False(one.Owns(link with { Group = 0 }));
        Assert.False(new Ownership("two").Owns(link with { Group = new Ownership("two").Group }));
        Assert.Equal("one", Ownership.LabOf(link));
        Assert.Null(Ownership.LabOf(link with { AlternativeNames = ["other"] }));
    }

    [Fact]
    public void A_loan_is_written_on_the_interface_itself()
    {
        Ownership lab = new("one");
        Loan loan = new(4026531840, IsUp: true, new MacAddress(0x02_00_00_00_00_07), 9000, "en+1");
        Link link = new() { Index = 2, Name = "eth1", Kind = "veth", AlternativeNames = ["enp1s0", lab.MarkOf(loan)] };

        Assert.Equal(loan, lab.LoanOf(link));
        Assert.True(lab.MarkOf(loan).Length <= 127);
        Assert.False(lab.Owns(link));
        Assert.Null(new Ownership("on").LoanOf(link));
        Assert.Equal("one", Ownership.LabOf(link));
        Assert.Null(lab.LoanOf(link with { AlternativeNames = ["patchbay-loan+one+x+up+2+9000+eth0"] }));
    }
}
