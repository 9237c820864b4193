using Patchbay.Plugins.Ipam.HostLocal;

namespace Patchbay.Tests.Ipam;

public sealed class StoreTests
{
    [Fact]
    public void Files_are_those_of_the_reference()
    {
        using var net = new TemporaryNetwork("10.0.0.0/24", "fd00::/64");
        Assert.Equal(["10.0.0.2", "fd00::2"], net.Add("a"));
        Assert.Equal(["10.0.0.2", "fd00::2", "last_reserved_ip.0", "last_reserved_ip.1", "lock"],
            Directory.GetFileSystemEntries(net.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal("a\r\neth0", net.Content("10.0.0.2"));
        Assert.Equal("a\r\neth0", net.Content("fd00::2"));
        Assert.Equal("fd00::2", net.Content("last_reserved_ip.1"));
        Assert.Equal((UnixFileMode)0x180, File.GetUnixFileMode(Path.Combine(net.Folder, "10.0.0.2")));
        Assert.Equal((UnixFileMode)0x1ed, File.GetUnixFileMode(net.Folder));
        Assert.Single(Directory.GetFileSystemEntries(net.DataDirectory));
    }

    [Fact]
    public void Addresses_go_round_and_come_back()
    {
        using var net = new TemporaryNetwork("10.0.0.0/29");
        Assert.Equal(["10.0.0.2"], net.Add("a"));
        Assert.Equal(["10.0.0.3"], net.Add("b"));
        net.Delete("a");
        net.Delete("a");
        Assert.Equal(["10.0.0.4"], net.Add("c"));
        Assert.Equal(["10.0.0.5"], net.Add("d"));
        Assert.Equal(["10.0.0.6"], net.Add("e"));
        Assert.Equal(["10.0.0.2"], net.Add("f"));
        Assert.Equal("failed to allocate for range 0: no IP addresses available in range set: 10.0.0.1-10.0.0.6",
            Assert.Throws<AllocationException>(() => net.Add("g")).Message);
    }

    [Fact]
    public void A_shorter_last_address_replaces_a_longer_one()
    {
        using var net = new TemporaryNetwork("10.0.0.0/24");
        net.Add("a", "10.0.0.254");
        Assert.Equal(["10.0.0.2"], net.Add("b"));
        Assert.Equal("10.0.0.2", net.Content("last_reserved_ip.0"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("garbage")]
    [InlineData("192.0.2.1")]
    public void An_unusable_last_address_costs_only_the_order(string last)
    {
        using var net = new TemporaryNetwork("10.0.0.0/24");
        net.Add("a");
        File.WriteAllText(Path.Combine(net.Folder, "last_reserved_ip.0"), last);
        Assert.Equal(["10.0.0.3"], net.Add("b"));
    }

    [Fact]
    public void A_container_gets_one_address_of_each_set()
    {
        using var net = new TemporaryNetwork("10.0.0.0/24");
        net.Add("a");
        Assert.Equal("failed to allocate for range 0: 10.0.0.2 has been allocated to a, duplicate allocation is not allowed",
            Assert.Throws<AllocationException>(() => net.Add("a")).Message);
        net.ForeignAdd("old", "10.0.0.9", ifName: "");
        Assert.Contains("10.0.0.9 has been allocated to old", Assert.Throws<AllocationException>(() => net.Add("old")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Requests_are_met_or_nothing_stays()
    {
        using var net = new TemporaryNetwork("10.0.0.0/24", "10.0.1.0/24");
        Assert.Equal(["10.0.0.2", "10.0.1.77"], net.Add("a", "10.0.1.77"));
        var refused = (string id, string[] wanted) => Assert.Throws<AllocationException>(() => net.Add(id, wanted)).Message;
        Assert.Equal("failed to allocate for range 1: requested IP address 10.0.1.77 is not available in range set 10.0.1.1-10.0.1.254: container a has it",
            refused("b", ["10.0.1.77"]));
        Assert.Equal("failed to allocate for range 1: requested ip 10.0.1.1 is subnet's gateway", refused("c", ["10.0.1.1"]));
        Assert.Equal("failed to allocate all requested IPs: 10.0.0.8 172.16.0.1", refused("d", ["10.0.0.7", "10.0.0.8", "172.16.0.1"]));
        Assert.Equal(["10.0.0.2", "10.0.1.77"], net.Reserved());
    }

    [Fact]
    public void A_failed_add_keeps_what_an_earlier_one_got()
    {
        using var net = new TemporaryNetwork("10.0.0.0/24", "10.0.1.0/24");
        net.ForeignAdd("a", "10.0.1.9");
        Assert.Throws<AllocationException>(() => net.Add("a"));
        Assert.Equal(["10.0.1.9"], net.Reserved());
    }

    [Fact]
    public void Empty_files_of_a_power_loss_are_free()
    {
        using var net = new TemporaryNetwork("10.0.0.0/29");
        net.ForeignAdd("", "10.0.0.2", last: false, ifName: "");
        Assert.Equal(["10.0.0.2"], net.Add("a"));
        Assert.Equal("a\r\neth0", net.Content("10.0.0.2"));
    }

    [Fact]
    public void Legacy_reservations_go_only_when_there_is_no_other()
    {
        using var net = new TemporaryNetwork("10.0.0.0/24");
        net.ForeignAdd("a", "10.0.0.8", ifName: "");
        net.ForeignAdd("a", "10.0.0.9");
        net.ForeignAdd("a", "10.0.0.10", ifName: "\r\neth1");
        net.Delete("a");
        Assert.Equal(["10.0.0.10", "10.0.0.8"], net.Reserved());
        net.Delete("a");
        Assert.Equal(["10.0.0.10"], net.Reserved());
    }

    [Fact]
    public void Surrounding_white_space_does_not_matter()
    {
        using var net = new TemporaryNetwork("10.0.0.0/24");
        net.ForeignAdd("a", "10.0.0.9", ifName: "\r\neth0\n");
        net.Delete("a");
        Assert.Empty(net.Reserved());
    }

    [Fact]
    public void Long_container_names_are_compared_whole()
    {
        using var net = new TemporaryNetwork("10.0.0.0/24");
        var id = new string('x', 5000);
        net.Add(id + "a");
        net.Add(id + "b");
        net.Delete(id + "a");
        Assert.Equal(["10.0.0.3"], net.Reserved());
    }

    [Fact]
    public void Only_creating_access_makes_the_directory()
    {
        using var net = new TemporaryNetwork("10.0.0.0/24");
        Assert.Null(net.Open(StoreAccess.Change));
        Assert.Null(net.Open(StoreAccess.Read));
        Assert.False(Directory.Exists(net.Folder));
    }

    [Fact]
    public void A_file_in_the_way_of_the_directory_is_named()
    {
        using var net = new TemporaryNetwork("10.0.0.0/24");
        File.WriteAllText(net.Folder, "");
        Assert.Contains(net.Folder, Assert.Throws<IOException>(() => net.Open()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Threads_that_add_at_once_get_different_addresses()
    {
        using var net = new TemporaryNetwork("10.0.0.0/24");
        var given = await Task.WhenAll(Enumerable.Range(0, 64).Select(i => Task.Run(() => net.Add($"c{i}")[0])));
        Assert.Equal(64, given.Distinct().Count());
        Assert.Equal(64, net.Reserved().Length);
    }
}
