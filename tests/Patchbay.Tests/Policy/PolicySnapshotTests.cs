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
