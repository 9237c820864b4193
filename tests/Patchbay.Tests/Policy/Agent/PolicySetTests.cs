using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Tests.Policy.Agent;

/// <summary>Policies as an agent follows them.</summary>
public class PolicySetTests
{
    [Fact]
    public void A_set_made_by_changes_is_one_that_was_read_whole()
    {
        var random = new Random(5);
        List<AppPolicy> there = [];
        PolicySet changed = PolicySet.Empty;
        for (int round = 0; round < 200; round++)
        {
            AppPolicy[] removed = [.. there.Where(_ => random.Next(5) == 0), Random(random)];
            AppPolicy[] added = [Random(random), Random(random), .. there.Take(1)];
            there = [.. there.Except(removed).Union(added)];
            changed = changed.With(added, removed);
            Same(PolicySet.Of(there), changed);
        }

        // And of some apps only.
        there.RemoveAll(each => each.Source != "a1" && each.Destination != "a1");
        Same(PolicySet.Of(there), changed.Touching(["a1"]));
    }

    [Fact]
    public void What_does_not_change_stays_the_same_object()
    {
        PolicySet before = PlannerTests.Policies("a 1 b tcp 80, a 1 c tcp 80, d 2 e tcp 80");
        PolicySet after = before.With([new AppPolicy("a", 1, "c", AppPolicy.Udp, 1, 1)], []).Touching(["a"]);

        Assert.Same(before.Towards("b"), after.Towards("b"));
        Assert.NotSame(before.Towards("c"), after.Towards("c"));
        Assert.Empty(after.Towards("e"));
        Assert.Null(after.TagOf("d"));
    }

    [Fact]
    public void An_app_with_two_tags_has_the_first_until_that_goes()
    {
        PolicySet both = PlannerTests.Policies("a 1 b tcp 80, a 2 b tcp 81");
        Assert.Contains("1 and 2", Assert.Single(both.Problems), StringComparison.Ordinal);
        Assert.Equal((ushort)1, both.TagOf("a"));

        PolicySet one = both.With([], [new AppPolicy("a", 1, "b", AppPolicy.Tcp, 80, 80)]);
        Assert.Empty(one.Problems);
        Assert.Equal((ushort)2, one.TagOf("a"));
    }

    private static AppPolicy Random(Random random)
    {
        int source = random.Next(6);
        return new AppPolicy($"a{source}", (ushort)(source + 1), $"a{random.Next(6)}", AppPolicy.Tcp, (ushort)random.Next(1, 4), 9);
    }

    private static void Same(PolicySet one, PolicySet other)
    {
        Assert.Equal(one.Count, other.Count);
        foreach (string app in Enumerable.Range(0, 6).Select(each => $"a{each}"))
        {
            Assert.Equal(one.TagOf(app), other.TagOf(app));
            Assert.Equal(one.Towards(app).ToHashSet(), other.Towards(app).ToHashSet());
        }
    }
}
