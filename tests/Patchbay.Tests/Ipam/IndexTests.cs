using Patchbay.Plugins.Ipam.HostLocal;

namespace Patchbay.Tests.Ipam;

/// <summary>Directories with more than <see cref="ReservationStore.IndexAbove"/> reservations.</summary>
public sealed class IndexTests
{
    private static TemporaryNetwork Large(int count = 300)
    {
        var net = new TemporaryNetwork("10.0.0.0/16");
        net.ForeignFill(count);
        return net;
    }

    private static bool IsTrusted(TemporaryNetwork net)
    {
        using var store = net.Open(StoreAccess.Read);
        return store.IsComplete;
    }

    [Fact]
    public void It_appears_with_size_and_goes_with_it()
    {
        using var net = Large(ReservationStore.IndexAbove);
        net.Add("a");
        Assert.False(File.Exists(net.IndexFile));
        net.Add("b");
        Assert.True(File.Exists(net.IndexFile));
        Assert.True(IsTrusted(net));
        for (int i = 0; i < 200; i++)
            net.Delete($"f{i}");
        Assert.False(File.Exists(net.IndexFile));
        net.Delete("a");
        net.Delete("b");
        Assert.Equal(56, net.Reserved().Length);
        Assert.Empty(net.Notes);
    }

    [Fact]
    public void It_serves_many_additions_and_removals_and_grows()
    {
        using var net = Large();
        for (int i = 0; i < 900; i++)
            net.Add($"a{i}");
        Assert.Contains("duplicate", Assert.Throws<AllocationException>(() => net.Add("a7")).Message, StringComparison.Ordinal);
        for (int i = 0; i < 900; i += 2)
            net.Delete($"a{i}");
        Assert.True(IsTrusted(net));
        Assert.Equal(300 + 450, net.Reserved().Length);
        for (int i = 1; i < 900; i += 2)
            net.Delete($"a{i}");
        Assert.Equal(300, net.Reserved().Length);
        Assert.Empty(net.Notes);
    }

    [Fact]
    public void It_is_distrusted_after_any_foreign_change()
    {
        using var net = Large();
        net.Add("a");
        Assert.True(IsTrusted(net));
        net.ForeignAdd("x", "10.0.200.1", last: false);
        Assert.False(IsTrusted(net));
        net.Delete("nobody"); // not known: read all
        Assert.True(IsTrusted(net));
        File.Delete(Path.Combine(net.Folder, "10.0.200.1"));
        Assert.False(IsTrusted(net));
    }

    [Fact]
    public void Foreign_reservations_are_found_wherever_they_are()
    {
        using var net = Large();
        net.Add("a");
        net.ForeignAdd("next", "10.0.2.45");
        net.ForeignAdd("far", "10.0.77.1");
        net.ForeignAdd("hidden", "10.0.99.1", last: false);
        net.Add("b");
        Assert.False(IsTrusted(net)); // our own additions do not hide what others did
        foreach (var id in new[] { "next", "hidden", "far", "b", "a" })
            net.Delete(id);
        Assert.Equal(300, net.Reserved().Length);
    }

    [Fact]
    public void Foreign_round_robin_is_caught_up_without_reading_the_directory()
    {
        using var net = Large();
        net.Add("a");
        for (int i = 0; i < 5; i++)
            net.ForeignAdd($"x{i}", $"10.0.2.{45 + i}");
        net.Delete("x0");
        Assert.False(IsTrusted(net)); // hence it was found by catching up
        Assert.False(net.Has("10.0.2.45"));
        Assert.Contains("10.0.2.46 has been allocated", Assert.Throws<AllocationException>(() => net.Add("x1")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_that_changed_hands_stays_with_its_new_owner()
    {
        using var net = Large();
        var address = net.Add("a")[0];
        File.Delete(Path.Combine(net.Folder, address));
        net.ForeignAdd("thief", address, last: false);
        net.Delete("a");
        Assert.Equal("thief\r\neth0", net.Content(address));
        net.Delete("thief");
        Assert.False(net.Has(address));
    }

    [Fact]
    public void A_directory_that_was_replaced_has_no_index()
    {
        using var net = Large();
        net.Add("a");
        Directory.Move(net.Folder, net.Folder + ".old");
        net.ForeignFill(280);
        Directory.SetLastWriteTimeUtc(net.Folder, Directory.GetLastWriteTimeUtc(net.Folder + ".old"));
        net.Delete("f279");
        Assert.Equal(279, net.Reserved().Length);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(4096)]
    [InlineData(5000)]
    public void A_truncated_index_does_no_harm(int length)
    {
        using var net = Large();
        var address = net.Add("a")[0];
        using (var file = File.OpenWrite(net.IndexFile))
            file.SetLength(length);
        Directory.SetLastWriteTimeUtc(net.Folder, DateTime.UnixEpoch); // a power loss or a foreign writer: the stamp is gone as well
        net.Add("b");
        net.Delete("a");
        net.Delete("f12");
        Assert.False(net.Has(address));
        Assert.Equal(300, net.Reserved().Length);
    }

    [Fact]
    public void An_index_of_noise_does_no_harm()
    {
        using var net = Large();
        net.Add("a");
        using (var file = File.OpenWrite(net.IndexFile))
        {
            file.Position = 4096;
            var noise = new byte[file.Length - 4096];
            new Random(1).NextBytes(noise);
            file.Write(noise);
        }
        Directory.SetLastWriteTimeUtc(net.Folder, DateTime.UnixEpoch);
        net.Add("b");
        net.Delete("f12");
        net.Delete("b");
        Assert.Equal(300, net.Reserved().Length);
    }

    [Fact]
    public void A_crash_after_the_reservation_is_repaired()
    {
        using var net = Large();
        net.Add("a");
        net.ForeignAdd("b", "10.0.2.46", last: false); // the file is there; last_reserved_ip, index and stamp are not
        net.Delete("b");
        Assert.False(net.Has("10.0.2.46"));
        File.Delete(Path.Combine(net.Folder, "10.0.1.5")); // likewise removed, but still in the index
        net.Delete("f5");
        Assert.Equal(300, net.Reserved().Length);
        Assert.Throws<AllocationException>(() => net.Add("f6"));
        net.Add("f5");
    }

    [Fact]
    public void A_long_run_of_taken_addresses_is_passed_by_one_listing()
    {
        using var net = new TemporaryNetwork("10.0.0.0/16");
        net.ForeignFill(2000);
        net.Add("a");
        File.WriteAllText(Path.Combine(net.Folder, "last_reserved_ip.0"), "10.0.0.255");
        Assert.Equal(["10.0.8.209"], net.Add("b"));
    }

    [Fact]
    public void Empty_files_are_found_when_nothing_else_is_left()
    {
        using var net = new TemporaryNetwork();
        net.Sets = [RangeSet.Create([AddressRange.Create("10.0.0.0/16", "10.0.1.0", "10.0.2.43")])];
        net.ForeignFill(300);
        Assert.Throws<AllocationException>(() => net.Add("a"));
        File.WriteAllText(Path.Combine(net.Folder, "10.0.2.7"), "");
        Assert.Equal(["10.0.2.7"], net.Add("a"));
    }

    [Fact]
    public void Reading_changes_nothing()
    {
        using var net = Large();
        using (var store = net.Open(StoreAccess.Read))
            Assert.Equal("10.0.1.9", store.FindAll(new Owner("f9", "eth0"))[0].ToString());
        Assert.False(File.Exists(net.IndexFile));
        Assert.False(File.Exists(Path.Combine(net.Folder, "lock")));
    }
}
