using Patchbay.Netlink.Netfilter;
using Patchbay.Policy.Agent;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Native;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Tests.Policy.Agent;

/// <summary>From a plan to elements and chains.</summary>
public class TableImageTests
{
    private static readonly AgentOptions Options = new();

    [Fact]
    public void Elements_are_read_as_they_were_written()
    {
        AllowedPorts[] all = [new(1, new Ipv4(0x0a000001), 6, 80, 80), new(0xffff, new Ipv4(0xffffffff), 17, 1, 65535), new(0x1234, new Ipv4(1), 6, 65535, 65535)];
        Assert.Equal(all, all.Select(each => AgentTable.ToAllowed(AgentTable.Element(each, new AppPair("a", "b")))));
    }

    [Fact]
    public void Containers_with_the_same_groups_share_a_chain()
    {
        List<LocalContainer> containers = PlannerTests.Containers("h1 a 10.0.0.1, h2 b 10.0.0.2, h3 c 10.0.0.3");
        EgressRule rule = new(new Ipv4(1), new Ipv4(9), 6, 80, 80, null, false);
        TableImage image = Image(containers, new() { [containers[0].Address] = [rule], [containers[1].Address] = [rule], [containers[2].Address] = [rule with { LastPort = 81 }] });

        Assert.Equal(2, image.Chains.Keys.Count(each => each.StartsWith("agent-groups-", StringComparison.Ordinal)));
        Assert.All(image.Chains.Keys.Except([AgentTable.Policies, AgentTable.Accepted]), each => Assert.True(SharedChain.IsOne(each)));
    }

    [Fact]
    public void A_log_makes_a_chain_a_containers_own()
    {
        List<LocalContainer> containers = PlannerTests.Containers("h1 a 10.0.0.1, h2 b 10.0.0.2");
        EgressRule rule = new(new Ipv4(1), new Ipv4(9), 6, 80, 80, null, true);
        TableImage image = Image(containers, new() { [containers[0].Address] = [rule], [containers[1].Address] = [rule] });

        Assert.Equal(2, image.Chains.Keys.Count(each => each.EndsWith("-log", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("policies")]
    [InlineData("agent-accepted")]
    [InlineData("agent-denied-0123")]
    [InlineData("asg-0123456789abcdef0123")]
    [InlineData("groups-0123456789abcdef0123")]
    public void Chains_of_others_are_not_ours(string name) => Assert.False(SharedChain.IsOne(name));

    // Restarted, and the server is away: h1 is still there, h2's address has another container now, h4 is new.
    [Fact]
    public void What_is_not_known_stays_for_those_who_are_still_there()
    {
        List<LocalContainer> before = PlannerTests.Containers("h1 a 10.0.0.1, h2 b 10.0.0.2");
        TableImage present = TableImage.Of(Planner.Plan(before, PlannerTests.Policies("a 1 b tcp 80, b 2 a tcp 1000-2000, b 2 a tcp 80"), null, null), Options);
        TableImage kept = TableImage.Keeping(present, PlannerTests.Containers("h1 a 10.0.0.1, h3 c 10.0.0.2, h4 d 10.0.0.4"), Options);

        Assert.Equal(["10.0.0.1", "10.0.0.2", "10.0.0.4"], kept.Elements[AgentTable.Isolated.Name].Values.Select(each => AgentTable.ToAddress(each).ToString()).Order());
        Assert.Equal("10.0.0.1", AgentTable.ToAddress(Assert.Single(kept.Elements[AgentTable.SourceTags.Name].Values)).ToString());
        Assert.Equal("mark 0x2 to 10.0.0.1 tcp 80", AgentTable.ToAllowed(Assert.Single(kept.Elements[AgentTable.Allowed.Name].Values)).ToString());
        Assert.Equal("mark 0x2 to 10.0.0.1 tcp 1000-2000", AgentTable.ToAllowed(Assert.Single(kept.Elements[AgentTable.AllowedRanges.Name].Values)).ToString());
    }

    [Theory]
    [InlineData("DENY_C2C_", "h", "DENY_C2C_h ")]
    [InlineData("DENY_C2C_", "0123456789012345678901234567", "DENY_C2C_0123456789012345678 ")]
    public void Prefixes_are_as_long_as_the_references(string word, string handle, string prefix) => Assert.Equal(prefix, SharedChain.LogPrefix(word, handle));

    private static TableImage Image(List<LocalContainer> containers, Dictionary<Ipv4, IReadOnlyList<EgressRule>> groups) =>
        TableImage.Of(new PolicyPlan([.. containers.Select(each => new ContainerPlan { Container = each, Groups = groups[each.Address] })], []), Options);
}
