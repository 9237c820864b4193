using Patchbay.Policy.Model;
using Patchbay.Policy.Store;

namespace Patchbay.SystemTests.Policy;

/// <summary>The contract of a store, over both kinds of database.</summary>
public class PolicyStoreTests
{
    public static readonly TheoryData<string> Databases = [PolicyDatabase.Sqlite, PolicyDatabase.Postgres];

    [Theory]
    [MemberData(nameof(Databases))]
    public void What_is_created_is_read_in_its_order(string kind)
    {
        using PolicyDatabase database = PolicyDatabase.Create(kind);
        using PolicyStore store = Migrated(database);

        PolicyChange change = store.Create([Tcp("a", "b"), new NetworkPolicy("c", "a", "udp", 1000, 2000)], null);

        PolicySnapshot read = store.ReadPolicies();
        Assert.Equal(["a 1 b 2 tcp 80-80", "c 3 a 1 udp 1000-2000"], Shown(read));
        Assert.Equal(1, change.Revision);
        Assert.Equal((change.Revision, change.LastUpdated), (read.Revision, read.LastUpdated));
        Assert.Equal((1, 0), store.Revisions());
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public void Creating_again_and_deleting_what_is_not_there_changes_nothing(string kind)
    {
        using PolicyDatabase database = PolicyDatabase.Create(kind);
        using PolicyStore store = Migrated(database);
        PolicyChange first = store.Create([Tcp("a", "b")], null);

        PolicyChange again = store.Create([Tcp("a", "b"), Tcp("a", "b")], null);
        PolicyChange nothing = store.Delete([Tcp("a", "c"), Tcp("b", "a"), new NetworkPolicy("a", "b", "udp", 80, 80), new NetworkPolicy("a", "b", "tcp", 80, 81)]);

        Assert.True(again.IsEmpty && nothing.IsEmpty);
        Assert.Equal(first.Revision, nothing.Revision);
        Assert.Equal(first.LastUpdated, nothing.LastUpdated);
        Assert.Equal(["a 1", "b 2"], Tags(store));
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public void Tags_are_the_lowest_free_ones_and_free_again_when_no_policy_names_them(string kind)
    {
        using PolicyDatabase database = PolicyDatabase.Create(kind);
        using PolicyStore store = Migrated(database);
        store.Create([Tcp("a", "b"), Tcp("c", "d"), Tcp("b", "c")], null);

        PolicyChange change = store.Delete([Tcp("a", "b"), Tcp("b", "c")]);

        Assert.Equal([1, 2], change.Removed.SelectMany(each => (int[])[each.SourceTag, each.DestinationTag]).Distinct().Except([3, 4]));
        Assert.Equal(["c 3", "d 4"], Tags(store));
        store.Create([Tcp("e", "f"), Tcp("g", "c")], null);
        Assert.Equal(["e 1", "f 2", "c 3", "d 4", "g 5"], Tags(store));
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public void Tags_of_other_types_stay_and_have_one_type(string kind)
    {
        using PolicyDatabase database = PolicyDatabase.Create(kind);
        using PolicyStore store = Migrated(database);

        Assert.Equal(new GroupTag("INGRESS_ROUTER", 1, "router"), store.CreateTag("INGRESS_ROUTER", "router"));
        Assert.Equal(1, store.CreateTag("INGRESS_ROUTER", "router").Tag);
        Assert.Throws<InvalidDataException>(() => store.CreateTag("INGRESS_ROUTER", "app"));
        store.Create([Tcp("INGRESS_ROUTER", "a")], null);
        store.Delete([Tcp("INGRESS_ROUTER", "a")]);
        Assert.Equal(["INGRESS_ROUTER 1"], Tags(store));
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public void When_all_tags_are_taken_nothing_of_a_request_is_done(string kind)
    {
        using PolicyDatabase database = PolicyDatabase.Create(kind);
        using PolicyStore store = Migrated(database, tagLength: 1);
        store.Create([.. Enumerable.Range(0, 127).Select(each => Tcp($"a{each}", $"b{each}"))], null);

        var e = Assert.Throws<InvalidDataException>(() => store.Create([Tcp("a0", "last"), Tcp("a0", "one-too-many")], null));

        Assert.Contains("255", e.Message, StringComparison.Ordinal);
        Assert.Equal(254, store.Tags().Count);
        Assert.Equal(255, store.CreateTag("last", "app").Tag);
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public void A_source_may_have_so_many_and_no_more(string kind)
    {
        using PolicyDatabase database = PolicyDatabase.Create(kind);
        using PolicyStore store = Migrated(database);
        store.Create([Tcp("a", "b"), Tcp("a", "c")], 2);

        Assert.Equal(403, Assert.Throws<RequestException>(() => store.Create([Tcp("x", "y"), Tcp("a", "d")], 2)).Status);

        Assert.Equal(["a 1", "b 2", "c 3"], Tags(store));
        Assert.True(store.Create([Tcp("a", "b")], 2).IsEmpty); // what is there counts once
        store.Create([Tcp("a", "d")], null);
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public void Security_groups_keep_their_numbers_and_change_only_when_they_do(string kind)
    {
        using PolicyDatabase database = PolicyDatabase.Create(kind);
        using PolicyStore store = Migrated(database);
        SecurityGroup dns = new("g1", "dns", "[]", true, true, [], []);
        SecurityGroup own = new("g2", "own", """[{"protocol":"tcp"}]""", false, false, ["s1"], ["s1", "s2"]);

        Assert.True(store.ReplaceSecurityGroups([dns, own]));
        Assert.False(store.ReplaceSecurityGroups([dns with { StagingSpaces = [] }, own]));
        Assert.True(store.ReplaceSecurityGroups([own with { Name = "mine" }]));

        SecurityGroupList read = store.ReadSecurityGroups();
        Assert.Equal(2, read.Revision);
        (long id, SecurityGroup left) = Assert.Single(read.Groups);
        Assert.Equal((2, "mine", """[{"protocol":"tcp"}]"""), (id, left.Name, left.Rules));
        Assert.Equal(["s1", "s2"], left.RunningSpaces);
        Assert.Equal((0, 2), store.Revisions());
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public async Task Of_many_servers_that_start_at_once_one_migrates(string kind)
    {
        using PolicyDatabase database = PolicyDatabase.Create(kind);
        PolicyStore[] stores = [.. Enumerable.Range(0, 8).Select(_ => database.Open())];

        IReadOnlyList<string>[] done = await Task.WhenAll(stores.Select(each => Task.Run(each.Migrate)));

        Assert.Equal(["0001 policies", "0002 security groups"], done.SelectMany(each => each).Order());
        foreach (PolicyStore each in stores)
            each.Dispose();
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public async Task Two_servers_that_create_and_delete_at_once_leave_each_app_one_tag(string kind)
    {
        using PolicyDatabase database = PolicyDatabase.Create(kind);
        using PolicyStore one = Migrated(database);
        using PolicyStore other = database.Open();

        // Both work on the same 20 apps; what one adds, the other may take away.
        await Task.WhenAll(((PolicyStore[])[one, other, one, other]).Select((store, worker) => Task.Run(() =>
        {
            var random = new Random(worker);
            for (int round = 0; round < 40; round++)
            {
                NetworkPolicy[] some = [.. Enumerable.Range(0, 3).Select(_ => Tcp($"a{random.Next(20)}", $"a{random.Next(20)}"))];
                if (random.Next(2) == 0)
                    store.Create(some, null);
                else
                    store.Delete(some);
            }
        })));

        PolicySnapshot read = one.ReadPolicies();
        IReadOnlyList<GroupTag> tags = other.Tags();
        Assert.Equal(tags.Count, tags.Select(each => each.Id).Distinct().Count());
        Assert.Equal(read.Apps.Order(), tags.Select(each => each.Id).Order());
        Assert.All(read.Entries.ToArray(), each => Assert.Contains(new GroupTag(each.Stored.Policy.Source, each.Stored.SourceTag, "app"), tags));
        Assert.All(tags, each => Assert.InRange(each.Tag, 1, 20));
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public void A_newer_schema_is_left_alone(string kind)
    {
        using PolicyDatabase database = PolicyDatabase.Create(kind);
        using PolicyStore store = Migrated(database);
        database.Sql("INSERT INTO patchbay_migrations VALUES ('9999 later', 0)");

        Assert.Contains("9999 later", Assert.Throws<InvalidDataException>(store.Migrate).Message, StringComparison.Ordinal);
    }

    private static PolicyStore Migrated(PolicyDatabase database, int tagLength = 2)
    {
        PolicyStore store = database.Open(tagLength);
        store.Migrate();
        return store;
    }

    private static NetworkPolicy Tcp(string source, string destination) => new(source, destination, "tcp", 80, 80);

    private static string[] Tags(PolicyStore store) => [.. store.Tags().Select(each => $"{each.Id} {each.Tag}")];

    private static string[] Shown(PolicySnapshot policies) => [.. policies.Entries.ToArray().Select(each =>
    {
        NetworkPolicy policy = each.Stored.Policy;
        return $"{policy.Source} {each.Stored.SourceTag} {policy.Destination} {each.Stored.DestinationTag} {policy.Protocol} {policy.StartPort}-{policy.EndPort}";
    })];
}
