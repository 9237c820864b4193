using Patchbay.Policy.Model;

namespace Patchbay.Tests.Policy;

public class PolicySnapshotTests
{
    [Fact]
    public void A_snapshot_made_by_changes_is_one_that_was_loaded()
    {
        var random = new Random(7);
        var there = new List<StoredPolicy>();
        PolicySnapshot changed = PolicySnapshot.Load(0, 0, [], 2);
        for (long revision = 1; revision <= 300; revision++)
        {
            StoredPolicy[] removed = [.. there.Where(_ => random.Next(8) == 0)];
            StoredPolicy[] added = [.. Enumerable.Range(0, random.Next(4)).Select(each => Stored((revision * 10) + each, random.Next(12), random.Next(12)))];
            there = [.. there.Except(removed), .. added];
            changed = changed.With(new PolicyChange(revision, revision, added, removed));

            PolicySnapshot loaded = PolicySnapshot.Load(revision, revision, there, 2);
            Assert.Equal(loaded.Hash, changed.Hash);
            Assert.Equal(loaded.Apps.Order(), changed.Apps.Order());
            for (int app = 0; app < 12; app++)
                Assert.Equal(Ids(loaded.Touching([$"a{app}", "a1"])), Ids(changed.Touching([$"a{app}", "a1"])));
        }
    }

    // What an agent does that knows an early state and hears of changes now and then, in pieces that overlap.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Changes_since_any_state_lead_to_the_present_one(bool byAnotherServer)
    {
        var random = new Random(11);
        HashSet<string> ids = ["a1", "a2", "a3"];
        var there = new List<StoredPolicy>();
        PolicySnapshot now = PolicySnapshot.Load(0, 1000, [], 2);
        var known = new List<(long State, HashSet<UInt128> Policies)> { (1000, []) };
        for (long revision = 1; revision <= 100; revision++)
        {
            StoredPolicy[] removed = [.. there.Where(_ => random.Next(6) == 0)];
            StoredPolicy[] added = [.. Enumerable.Range(0, random.Next(3)).Select(each => Stored((revision * 10) + each, random.Next(8), random.Next(8))).Where(each => !there.Exists(other => other.Policy == each.Policy)).DistinctBy(each => each.Policy)];
            there = [.. there.Except(removed), .. added];
            long state = 1000 + random.NextInt64(1_000_000); // clocks jump
            now = byAnotherServer ? PolicySnapshot.Load(revision, state, there, 2).After(now) : now.With(new PolicyChange(revision, state, added, removed));
            HashSet<UInt128> wanted = [.. now.Touching(ids).Select(each => each.Hash)];
            foreach ((long since, HashSet<UInt128> policies) in known)
            {
                (IReadOnlyCollection<PolicyEntry> more, IReadOnlyCollection<PolicyEntry> less) = Assert.NotNull(now.Since(since, ids));
                policies.ExceptWith(less.Select(each => each.Hash));
                policies.UnionWith(more.Select(each => each.Hash));
                Assert.Equal(wanted.Order(), policies.Order());
            }

            known.Add((state, wanted));
        }

        Assert.Null(now.Since(1, ids));
        Assert.Null(PolicySnapshot.Load(1, 1, there, 2).Since(1000, ids));
    }

    [Fact]
    public void A_history_forgets_what_is_too_much()
    {
        PolicySnapshot now = PolicySnapshot.Load(0, 0, [], 2);
        for (long revision = 1; revision <= 3000; revision++)
            now = now.With(new PolicyChange(revision, revision, [Stored(revision, 1, 2)], revision == 1 ? [] : [Stored(revision - 1, 1, 2)]));

        Assert.Null(now.Since(1900, ["a1"]));
        Assert.Single(Assert.NotNull(now.Since(2500, ["a1"])).Added);
        now = now.With(new PolicyChange(3001, 3001, [.. Enumerable.Range(0, 20_000).Select(each => Stored(10_000 + each, each, 2))], []));
        Assert.Null(now.Since(3000, ["a1"]));
        Assert.Empty(Assert.NotNull(now.Since(3001, ["a1"])).Added);
    }

    [Fact]
    public void A_change_must_be_the_next_one() =>
        Assert.Throws<ArgumentException>(() => PolicySnapshot.Load(1, 1, [], 2).With(new PolicyChange(3, 3, [], [])));

    [Fact]
    public void A_name_follows_from_text_and_order()
    {
        PolicyEntry[] entries = [.. PolicySnapshot.Load(1, 1, [Stored(1, 1, 2), Stored(2, 2, 3)], 2).Entries.Span];

        Assert.NotEqual(PolicySnapshot.HashOf(entries), PolicySnapshot.HashOf([entries[1], entries[0]]));
        Assert.NotEqual(PolicySnapshot.HashOf(entries), PolicySnapshot.HashOf([entries[0]]));
        Assert.NotEqual(entries[0].Hash, new PolicyEntry(Stored(1, 1, 2) with { SourceTag = 9 }, 2).Hash);
    }

    private static StoredPolicy Stored(long id, int source, int destination) => new(id, new NetworkPolicy($"a{source}", $"a{destination}", "tcp", 80, 80), source + 1, destination + 1);

    private static long[] Ids(PolicyEntry[] entries) => [.. entries.Select(each => each.Stored.Id)];
}
