using Patchbay.Policy.Overlay.Leases;

namespace Patchbay.Tests.Overlay;

/// <summary>What can be leased of a network.</summary>
public class AddressPoolTests
{
    [Fact]
    public void Every_block_but_the_first_is_given_and_none_twice()
    {
        var pool = new AddressPool(Parse("10.255.0.0/28"), 30);
        var taken = new List<Subnet>();
        while (pool.FindFree(taken, single: false) is { } free)
            taken.Add(free);

        Assert.Equal(["10.255.0.4/30", "10.255.0.8/30", "10.255.0.12/30"], taken.Order().Select(each => each.ToString()));
        Assert.Equal(3, pool.Blocks);
        Assert.All(taken, each => Assert.True(pool.IsMember(each)));
    }

    [Fact]
    public void Addresses_are_those_of_the_first_block_after_the_networks_own()
    {
        var pool = new AddressPool(Parse("10.255.0.0/16"), 29);
        var taken = new List<Subnet>();
        while (pool.FindFree(taken, single: true) is { } free)
            taken.Add(free);

        Assert.Equal(Enumerable.Range(1, 7).Select(each => $"10.255.0.{each}/32"), taken.Order().Select(each => each.ToString()));
        Assert.All(taken, each => Assert.True(pool.IsMember(each)));
    }

    [Fact]
    public void What_was_leased_in_other_sizes_is_not_given_again()
    {
        var pool = new AddressPool(Parse("10.255.0.0/22"), 24);

        Assert.Equal("10.255.2.0/24", pool.FindFree([Parse("10.255.1.128/25"), Parse("10.255.3.7/32")], single: false).ToString());
        Assert.Null(new AddressPool(Parse("10.255.0.0/22"), 24).FindFree([Parse("10.0.0.0/8")], single: false));
    }

    [Theory]
    [InlineData("10.255.0.0/24", false)] // the first block
    [InlineData("10.255.1.0/24", true)]
    [InlineData("10.255.1.0/25", false)]
    [InlineData("10.255.1.1/32", false)]
    [InlineData("10.255.0.0/32", false)] // the network's own address
    [InlineData("10.255.0.9/32", true)]
    [InlineData("10.254.1.0/24", false)]
    public void Members_are_what_can_be_given(string subnet, bool isMember) =>
        Assert.Equal(isMember, new AddressPool(Parse("10.255.0.0/16"), 24).IsMember(Parse(subnet)));

    [Theory]
    [InlineData("10.255.0.0/16", 16)]
    [InlineData("10.255.0.0/16", 31)]
    [InlineData("10.0.0.0/8", 29)]
    public void Sizes_that_make_no_sense_are_refused(string network, int length) =>
        Assert.Contains("subnet_prefix_length", Assert.Throws<InvalidDataException>(() => new AddressPool(Parse(network), length)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("10.255.30.1/24")]
    [InlineData("10.255.30.0/33")]
    [InlineData("10.255.30.0")]
    [InlineData("10.255/16")]
    [InlineData("fd00::/64")]
    [InlineData("")]
    [InlineData(null)]
    public void Texts_that_are_no_network_are_told_from_those_that_are(string? text) => Assert.False(Subnet.TryParse(text, out _));

    internal static Subnet Parse(string text) => Subnet.TryParse(text, out Subnet subnet) ? subnet : throw new ArgumentException(text);
}
