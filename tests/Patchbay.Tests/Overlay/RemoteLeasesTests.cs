using System.Net;
using Patchbay.Policy.Overlay.Agent;
using Patchbay.Policy.Overlay.Leases;

namespace Patchbay.Tests.Overlay;

/// <summary>Which leases a host follows.</summary>
public class RemoteLeasesTests
{
    private static readonly Lease Own = Lease("192.0.2.1 10.255.30.0/24");
    private readonly List<string> _problems = [];

    [Fact]
    public void All_others_are_followed_and_this_hosts_own_is_not()
    {
        Assert.Equal(["10.255.1.0/24", "10.255.68.0/24"], Followed(["192.0.2.2 10.255.68.0/24", "192.0.2.3 10.255.1.0/24", "192.0.2.1 10.255.30.0/24"]));
        Assert.Empty(_problems);
    }

    [Theory]
    [InlineData("192.0.2.2 10.254.1.0/24", "not within overlay_network")]
    [InlineData("192.0.2.2 10.0.0.0/8", "not within overlay_network")]
    [InlineData("192.0.2.2 10.255.30.0/24", "this host has 10.255.30.0/24")]
    [InlineData("192.0.2.2 10.255.30.128/25", "this host has 10.255.30.0/24")]
    [InlineData("192.0.2.2 10.255.30.7/32", "this host has 10.255.30.0/24")]
    [InlineData("192.0.2.1 10.255.31.0/24", "that is this host")]
    [InlineData("192.0.2.2 10.255.31.0/24 ee:ee:0a:ff:1e:00", "this host has its Ethernet address")]
    [InlineData("2001:db8::2 10.255.31.0/24", "cannot be reached from 192.0.2.1")]
    public void What_would_take_something_from_this_host_is_not_followed(string lease, string why)
    {
        Assert.Equal(["10.255.68.0/24"], Followed([lease, "192.0.2.9 10.255.68.0/24"]));
        Assert.Contains(why, Assert.Single(_problems), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("192.0.2.2 10.255.1.0/24", "192.0.2.3 10.255.1.0/24")] // one subnet
    [InlineData("192.0.2.2 10.255.1.0/24", "192.0.2.3 10.255.1.128/25")] // a part of it
    [InlineData("192.0.2.2 10.255.1.0/24 0a:00:00:00:00:01", "192.0.2.3 10.255.2.0/24 0a:00:00:00:00:01")] // one Ethernet address
    [InlineData("192.0.2.2 10.255.1.0/24", "192.0.2.2 10.255.2.0/24")] // one host
    public void Of_two_that_claim_the_same_the_one_that_is_followed_stays_and_else_none_is(string one, string other)
    {
        Assert.Equal(["10.255.68.0/24"], Followed([one, other, "192.0.2.9 10.255.68.0/24"]));
        Assert.Equal(2, _problems.Count);
        foreach (string present in (string[])[one, other])
            Assert.Equal([Lease(present).Subnet.ToString(), "10.255.68.0/24"], Followed([one, other, "192.0.2.9 10.255.68.0/24"], present));
    }

    [Fact]
    public void One_large_block_with_many_inside_is_disputed_with_all_of_them()
    {
        string[] inside = [.. Enumerable.Range(0, 4).Select(each => $"192.0.2.{10 + each} 10.255.{each}.0/24")];

        Assert.Equal(["10.255.4.0/24"], Followed(["192.0.2.2 10.255.0.0/22", .. inside, "192.0.2.9 10.255.4.0/24"]));
        Assert.Equal(5, _problems.Count);
    }

    [Fact]
    public void Two_that_clash_and_are_followed_both_end_with_one()
    {
        string[] both = ["192.0.2.2 10.255.1.0/24", "192.0.2.3 10.255.1.128/25"];

        Assert.Equal(["10.255.1.0/24"], Followed(both, both));
    }

    private string[] Followed(string[] told, params string[] present)
    {
        HashSet<Lease> followed = [.. present.Select(Lease)];
        return [.. RemoteLeases.Check(Own, [AddressPoolTests.Parse("10.255.0.0/16")], [.. told.Select(Lease)], followed.Contains, _problems).Select(each => each.Subnet.ToString())];
    }

    private static Lease Lease(string text)
    {
        string[] parts = text.Split(' ');
        return new LeaseEntry { UnderlayIp = parts[0], OverlaySubnet = parts[1], OverlayHardwareAddr = parts.ElementAtOrDefault(2) }.ToLease();
    }
}
