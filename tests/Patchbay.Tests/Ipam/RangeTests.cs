using Patchbay.Plugins.Ipam.HostLocal;

namespace Patchbay.Tests.Ipam;

public sealed class RangeTests
{
    [Theory]
    [InlineData("192.0.2.0/24", null, null, null, "192.0.2.1-192.0.2.254", "192.0.2.1", 253)]
    [InlineData("192.0.2.0/30", null, null, null, "192.0.2.1-192.0.2.2", "192.0.2.1", 1)]
    [InlineData("2001:db8::/126", null, null, null, "2001:db8::1-2001:db8::3", "2001:db8::1", 2)]
    [InlineData("192.0.2.0/24", "192.0.2.10", "192.0.2.20", "192.0.2.254", "192.0.2.10-192.0.2.20", "192.0.2.254", 11)]
    [InlineData("192.0.2.0/24", "192.0.2.0", "192.0.2.255", "10.0.0.1", "192.0.2.0-192.0.2.255", "10.0.0.1", 256)]
    [InlineData("0.0.0.0/0", null, null, null, "0.0.0.1-255.255.255.254", "0.0.0.1", 4294967293)]
    public void What_is_left_out_is_filled_in(string subnet, string? start, string? end, string? gateway, string text, string gw, long capacity)
    {
        var range = AddressRange.Create(subnet, start, end, gateway);
        Assert.Equal(text, range.ToString());
        Assert.Equal(gw, range.Gateway.ToString());
        Assert.Equal((UInt128)capacity, range.Capacity);
    }

    [Fact]
    public void The_whole_of_IPv6_is_a_range()
        => Assert.Equal("::1-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AddressRange.Create("::/0").ToString());

    [Theory]
    [InlineData("192.0.2.0/31", null, null, null, "Network 192.0.2.0/31 too small to allocate from")]
    [InlineData("192.0.2.0/32", null, null, null, "Network 192.0.2.0/32 too small to allocate from")]
    [InlineData("2001:db8::/127", null, null, null, "Network 2001:db8::/127 too small to allocate from")]
    [InlineData("192.0.2.12/24", null, null, null, "Network has host bits set. For a subnet mask of length 24 the network address is 192.0.2.0")]
    [InlineData("192.0.2.0/24", "192.0.3.0", null, null, "RangeStart 192.0.3.0 not in network 192.0.2.0/24")]
    [InlineData("192.0.2.0/24", null, "192.0.4.0", null, "RangeEnd 192.0.4.0 not in network 192.0.2.0/24")]
    [InlineData("192.0.2.0/24", "192.0.2.50", "192.0.2.40", null, "RangeStart 192.0.2.50 not in network 192.0.2.0/24")]
    [InlineData("192.0.2.0/24", "2001:db8::1", null, null, "RangeStart 2001:db8::1 not in network 192.0.2.0/24")]
    [InlineData("192.0.2.0", null, null, null, "invalid CIDR address: 192.0.2.0")]
    [InlineData("192.0.2.0/33", null, null, null, "invalid CIDR address: 192.0.2.0/33")]
    [InlineData("192.0.2.0/-1", null, null, null, "invalid CIDR address: 192.0.2.0/-1")]
    [InlineData("", null, null, null, "invalid CIDR address: ")]
    [InlineData("192.0.2.0/24", "x", null, null, "invalid IP address: x")]
    [InlineData("192.0.2.0/24", null, null, "192.0.2", "invalid IP address: 192.0.2")]
    public void Faults_are_named(string subnet, string? start, string? end, string? gateway, string message)
        => Assert.Equal(message, Assert.Throws<FormatException>(() => AddressRange.Create(subnet, start, end, gateway)).Message);

    [Fact]
    public void Sets_are_of_one_family_and_without_overlap()
    {
        Assert.Equal("empty range set", Assert.Throws<FormatException>(() => RangeSet.Create([])).Message);
        Assert.Equal("mixed address families", Assert.Throws<FormatException>(() => Set("10.0.0.0/24", "fd00::/64")).Message);
        Assert.Equal("subnets 10.0.0.1-10.0.0.254 and 10.0.0.129-10.0.0.254 overlap",
            Assert.Throws<FormatException>(() => Set("10.0.0.0/24", "10.0.0.128/25")).Message);
        Assert.True(Set("10.0.0.0/24").Overlaps(Set("10.1.0.0/24", "10.0.0.0/16")));
        Assert.False(Set("10.0.0.0/24").Overlaps(Set("10.1.0.0/24", "10.2.0.0/24")));
        Assert.Equal("10.0.0.1-10.0.0.254,10.0.1.1-10.0.1.254", Set("10.0.0.0/24", "10.0.1.0/24").ToString());
    }

    [Theory]
    [InlineData(null, "10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.1.2")]                 // gateways .1 are passed over
    [InlineData("10.0.0.4", "10.0.0.5 10.0.0.6 10.0.1.2 10.0.0.2 10.0.0.3 10.0.0.4")]           // round to the start, the last one last
    [InlineData("10.0.0.6", "10.0.1.2 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6")]
    [InlineData("10.0.1.2", "10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.1.2")]
    [InlineData("10.0.0.1", "10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.1.2")]           // from a gateway
    [InlineData("172.16.0.1", "10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.1.2")]         // from outside: a changed configuration
    public void Candidates_go_round_once(string? last, string expected)
    {
        Address? from = last is not null && Address.TryParse(last, out var address) ? address : null;
        var seen = new List<string>();
        for (var cursor = Set("10.0.0.0/29", "10.0.1.0/30").After(from); cursor.MoveNext();)
        {
            Assert.True(cursor.Range.Contains(cursor.Current));
            seen.Add(cursor.Current.ToString());
        }
        Assert.Equal(expected, string.Join(' ', seen));
    }

    [Fact]
    public void A_range_of_nothing_but_its_gateway_has_no_candidate()
    {
        var set = RangeSet.Create([AddressRange.Create("10.0.0.0/24", "10.0.0.1", "10.0.0.1")]);
        Assert.Equal(UInt128.Zero, set.Capacity);
        Assert.False(set.After(null).MoveNext());
    }

    [Fact]
    public void Resolv_conf_accumulates()
    {
        var conf = ResolvConf.Parse("# c\n; d\nnameserver 192.0.2.1\nnameserver 192.0.2.2 x\ndomain a.example\ndomain b.example\nsearch one two\nsearch three\n"
            + "options ndots:5\n\toptions rotate\r\nbogus\nsortlist 1.2.3.4\n");
        Assert.Equal(["192.0.2.1", "192.0.2.2"], conf.Nameservers);
        Assert.Equal("b.example", conf.Domain);
        Assert.Equal(["one", "two", "three"], conf.Search);
        Assert.Equal(["ndots:5", "rotate"], conf.Options);
    }

    internal static RangeSet Set(params string[] subnets) => RangeSet.Create([.. subnets.Select(s => AddressRange.Create(s))]);
}
