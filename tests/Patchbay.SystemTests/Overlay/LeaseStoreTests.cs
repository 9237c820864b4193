using System.Net;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Policy.Overlay.Controller;
using Patchbay.Policy.Overlay.Leases;
using Patchbay.SystemTests.Policy;

namespace Patchbay.SystemTests.Overlay;

/// <summary>The contract of the leases' store, over both kinds of database.</summary>
public class LeaseStoreTests
{
    public static readonly TheoryData<string> Databases = [PolicyDatabase.Sqlite, PolicyDatabase.Postgres];
    private readonly PassingClock _time = new();

    [Theory]
    [MemberData(nameof(Databases))]
    public void A_host_gets_a_block_with_its_Ethernet_address_and_the_same_again(string kind)
    {
        using PolicyDatabase database = PolicyDatabase.Create(kind);
        using LeaseStore store = Open(database);

        Lease lease = store.Acquire(Host(1), single: false);

        Assert.Equal(24, lease.Subnet.Length);
        Assert.Equal(Lease.Of(Host(1), lease.Subnet), lease);
        Assert.Equal(lease, store.Acquire(Host(1), single: false));
        Assert.NotEqual(lease.Subnet, store.Acquire(Host(2), single: false).Subnet);
        Assert.StartsWith("10.255.0.", store.Acquire(IPAddress.Parse("2001:db8::1"), single: true).Subnet.ToString(), StringComparison.Ordinal);
        Assert.Equal(["192.0.2.1", "192.0.2.2", "2001:db8::1"], store.List().Select(each => each.Lease.Underlay.ToString()).Order());
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public void When_all_are_taken_there_is_none_until_one_is_released_or_expires(string kind)
    {
        using PolicyDatabase database = PolicyDatabase.Create(kind);
        using LeaseStore store = Open(database, "10.255.0.0/22");
        Lease[] all = [.. Enumerable.Range(1, 3).Select(each => store.Acquire(Host(each), single: false))];

        Assert.Equal("no lease available", Assert.Throws<LeaseConflictException>(() => store.Acquire(Host(4), single: false)).Message);
        Assert.True(store.Release(Host(2)));
        Assert.False(store.Release(Host(2)));
        Assert.Equal(all[1].Subnet, store.Acquire(Host(4), single: false).Subnet);

        _time.Pass(TimeSpan.FromDays(6));
        store.Renew(all[0]);
        _time.Pass(TimeSpan.FromDays(2));
        Assert.Equal([all[0]], store.List().Where(each => each.IsActive).Select(each => each.Lease));
        store.Acquire(Host(5), single: false);
        store.Acquire(Host(6), single: false);
        Assert.Throws<LeaseConflictException>(() => store.Acquire(Host(7), single: false)); // the one that was renewed is nobody else's
        Assert.Equal([1, 5, 6], store.List().Select(each => each.Lease.Underlay.GetAddressBytes()[3]).Order().Select(each => (int)each));
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public void A_renewal_is_of_ones_own_lease_or_of_what_nobody_has(string kind)
    {
        using PolicyDatabase database = PolicyDatabase.Create(kind);
        using LeaseStore store = Open(database);
        Lease own = store.Acquire(Host(1), single: false);
        Lease Other(string subnet, int host = 2) => Lease.Of(Host(host), Subnet.TryParse(subnet, out Subnet parsed) ? parsed : throw new ArgumentException(subnet));

        store.Renew(own);
        store.Renew(Other("10.255.0.9/32"));
        Assert.Contains("lease mismatch", Refused(Other("10.255.77.0/24")), StringComparison.Ordinal); // 192.0.2.2 has another one now
        Assert.Contains("lease mismatch", Refused(own with { Address = new MacAddress(7) }), StringComparison.Ordinal);
        Assert.Contains("belongs to 192.0.2.1", Refused(Other(own.Subnet.ToString(), host: 3)), StringComparison.Ordinal);
        Assert.Contains("not in pool", Refused(Other("10.254.1.0/24", host: 3)), StringComparison.Ordinal);
        Assert.Contains("not in pool", Refused(Other("10.255.0.0/16", host: 3)), StringComparison.Ordinal);
        Assert.Equal(2, store.List().Count);

        string Refused(Lease lease) => Assert.Throws<LeaseConflictException>(() => store.Renew(lease)).Message;
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public void An_expired_lease_that_nobody_took_is_its_hosts_again(string kind)
    {
        using PolicyDatabase database = PolicyDatabase.Create(kind);
        using LeaseStore store = Open(database);
        Lease own = store.Acquire(Host(1), single: false);
        _time.Pass(TimeSpan.FromDays(8));
        Assert.DoesNotContain(store.List(), each => each.IsActive);

        store.Renew(own);

        Assert.Single(store.List(), each => each.IsActive);
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public void Blocks_of_another_size_are_kept_while_renewed_and_replaced_when_asked_for_anew(string kind)
    {
        using PolicyDatabase database = PolicyDatabase.Create(kind);
        Lease old;
        using (LeaseStore store = Open(database, "10.255.0.0/22"))
            old = store.Acquire(Host(1), single: false);
        using LeaseStore smaller = Open(database, "10.255.0.0/22", 26);

        smaller.Renew(old);
        for (int host = 2; host <= 12; host++)
            Assert.False(smaller.Acquire(Host(host), single: false).Subnet.Overlaps(old.Subnet));
        Assert.Equal(26, smaller.Acquire(Host(1), single: false).Subnet.Length);
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public async Task Many_who_ask_at_once_get_different_ones_and_one_who_asks_often_gets_one(string kind)
    {
        using PolicyDatabase database = PolicyDatabase.Create(kind);
        LeaseStore[] stores = [.. Enumerable.Range(0, 4).Select(_ => Open(database, "10.255.0.0/26", 30))]; // 15 blocks

        Lease?[] leases = await Task.WhenAll(Enumerable.Range(0, 40).Select(each => Task.Run(() =>
        {
            try
            {
                return stores[each % 4].Acquire(Host(1 + (each / 2)), single: false); // each host asks twice
            }
            catch (LeaseConflictException)
            {
                return null;
            }
        })));

        Lease[] given = [.. leases.OfType<Lease>().Distinct()];
        Assert.Equal(15, given.Length);
        Assert.Equal(15, given.Select(each => each.Underlay).Distinct().Count());
        Assert.Equal(given.Order(Comparer<Lease>.Create((one, other) => one.Subnet.CompareTo(other.Subnet))), stores[0].List().Select(each => each.Lease));
        foreach (LeaseStore each in stores)
            each.Dispose();
    }

    private LeaseStore Open(PolicyDatabase database, string network = "10.255.0.0/16", int length = 24)
    {
        Assert.True(Subnet.TryParse(network, out Subnet parsed));
        var store = new LeaseStore(database.OpenDatabase(_time), new AddressPool(parsed, length), new LeaseClock(_time, TimeSpan.FromDays(7)));
        store.Migrate();
        return store;
    }

    private static IPAddress Host(int number) => new([192, 0, 2, (byte)number]);

    private sealed class PassingClock : TimeProvider
    {
        private long _ticks = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc).Ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        public override DateTimeOffset GetUtcNow() => new(_ticks, TimeSpan.Zero);

        internal void Pass(TimeSpan time) => _ticks += time.Ticks;
    }
}
