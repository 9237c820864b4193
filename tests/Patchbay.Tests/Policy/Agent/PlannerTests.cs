using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Tests.Policy.Agent;

/// <summary>What follows from containers and policies, in tables.</summary>
public class PlannerTests
{
    // containers "handle app address"; policies "source tag destination protocol ports"; tags "address tag"; allowed "tag address protocol ports"
    [Theory]
    [InlineData("nothing", "", "", "", "")]
    [InlineData("no policy: closed, no tag", "h1 a 10.0.0.1", "", "", "")]
    [InlineData("source and destination here", "h1 a 10.0.0.1, h2 b 10.0.0.2", "a 1 b tcp 80", "10.0.0.1 1", "1 10.0.0.2 tcp 80")]
    [InlineData("source elsewhere", "h2 b 10.0.0.2", "a 1 b tcp 80", "", "1 10.0.0.2 tcp 80")]
    [InlineData("destination elsewhere", "h1 a 10.0.0.1", "a 1 b tcp 80", "10.0.0.1 1", "")]
    [InlineData("unknown apps", "h1 a 10.0.0.1", "x 1 y tcp 80", "", "")]
    [InlineData("an app to itself", "h1 a 10.0.0.1, h2 a 10.0.0.2", "a 1 a udp 53", "10.0.0.1 1, 10.0.0.2 1", "1 10.0.0.1 udp 53, 1 10.0.0.2 udp 53")]
    [InlineData("every container of an app", "h1 a 10.0.0.1, h2 b 10.0.0.2, h3 b 10.0.0.3", "a 1 b tcp 80", "10.0.0.1 1", "1 10.0.0.2 tcp 80, 1 10.0.0.3 tcp 80")]
    [InlineData("the same twice", "h2 b 10.0.0.2", "a 1 b tcp 80, a 1 b tcp 80", "", "1 10.0.0.2 tcp 80")]
    [InlineData("tcp is not udp", "h2 b 10.0.0.2", "a 1 b tcp 80, a 1 b udp 80", "", "1 10.0.0.2 tcp 80, 1 10.0.0.2 udp 80")]
    [InlineData("few ports one by one", "h2 b 10.0.0.2", "a 1 b tcp 80-82", "", "1 10.0.0.2 tcp 80, 1 10.0.0.2 tcp 81, 1 10.0.0.2 tcp 82")]
    [InlineData("many ports as a range", "h2 b 10.0.0.2", "a 1 b tcp 1000-2000", "", "1 10.0.0.2 tcp 1000-2000")]
    [InlineData("overlapping", "h2 b 10.0.0.2", "a 1 b tcp 1000-2000, a 1 b tcp 1500-3000, a 1 b tcp 1700", "", "1 10.0.0.2 tcp 1000-3000")]
    [InlineData("adjoining", "h2 b 10.0.0.2", "a 1 b tcp 1000-2000, a 1 b tcp 2001-3000", "", "1 10.0.0.2 tcp 1000-3000")]
    [InlineData("all ports", "h2 b 10.0.0.2", "a 1 b tcp 1-65535, a 1 b tcp 65535", "", "1 10.0.0.2 tcp 1-65535")]
    [InlineData("of different sources nothing overlaps", "h3 c 10.0.0.3", "a 1 c tcp 1000-2000, b 2 c tcp 1500-3000", "", "1 10.0.0.3 tcp 1000-2000, 2 10.0.0.3 tcp 1500-3000")]
    [InlineData("the same app twice at an address", "h1 a 10.0.0.1, h2 a 10.0.0.1", "a 1 a tcp 80", "10.0.0.1 1", "1 10.0.0.1 tcp 80")]
    [InlineData("two apps claim an address: neither's rights", "h1 a 10.0.0.1, h2 b 10.0.0.1, h3 c 10.0.0.3", "a 1 c tcp 80, c 3 b tcp 80", "10.0.0.3 3", "1 10.0.0.3 tcp 80")]
    public void Plan(string what, string containers, string policies, string tags, string allowed)
    {
        PolicyPlan plan = Planner.Plan(Containers(containers), Policies(policies), null, null);

        Assert.Equal(Sorted(tags), plan.SourceTags.Select(each => $"{each.Address} {each.Tag}").Order(StringComparer.Ordinal));
        Assert.Equal(Sorted(allowed), plan.Allowed.Select(each => Text(each.Ports)).Order(StringComparer.Ordinal));
        Assert.NotNull(what);
    }

    [Fact]
    public void A_conflict_of_addresses_is_told()
    {
        PolicyPlan plan = Planner.Plan(Containers("h1 a 10.0.0.1, h2 b 10.0.0.1"), PolicySet.Empty, null, null);

        Assert.Contains("\"h1\", \"h2\"", Assert.Single(plan.Problems), StringComparison.Ordinal);
        Assert.Equal("", Assert.Single(plan.Containers).App);
    }

    [Fact]
    public void Routers_reach_the_ports_that_containers_name()
    {
        LocalContainer container = new("h1", Address("10.0.0.1")) { App = "a", Ports = [8080, 9090] };
        PolicyPlan plan = Planner.Plan([container], Policies("a 1 a tcp 1-9000"), 7, null);

        Assert.Equal(["1 10.0.0.1 tcp 1-9000", "7 10.0.0.1 tcp 8080", "7 10.0.0.1 tcp 9090"], plan.Allowed.Select(each => Text(each.Ports)).Order(StringComparer.Ordinal));
        Assert.Equal(new AppPair(Planner.Router, "a"), plan.Allowed.Single(each => each.Ports == new AllowedPorts(7, container.Address, AppPolicy.Tcp, 8080, 8080)).Apps);
    }

    [Fact]
    public void Security_groups_follow_space_and_workload()
    {
        EgressRule dns = Rule("10.0.0.53", 53), web = Rule("10.0.0.80", 80), all = Rule("10.9.9.9", 1) with { Log = true };
        SecurityGroupRules[] groups =
        [
            new("g3", [all, dns]) { RunningDefault = true, StagingDefault = true },
            new("g2", [web]) { RunningSpaces = ["s1"], StagingSpaces = ["s2"] },
            new("g1", [dns]) { RunningSpaces = ["s1"] },
        ];
        LocalContainer[] containers =
        [
            new("run", Address("10.0.0.1")) { Space = "s1" }, new("stage", Address("10.0.0.2")) { Space = "s1", IsStaging = true },
            new("other", Address("10.0.0.3")) { Space = "s3" }, new("none", Address("10.0.0.4")),
        ];
        PolicyPlan plan = Planner.Plan(containers, PolicySet.Empty, null, groups);

        Assert.Equal([all, dns, web], plan.At(Address("10.0.0.1"))!.Groups!); // by GUID, each once, the logged ones first
        Assert.Equal([all, dns], plan.At(Address("10.0.0.2"))!.Groups!);
        Assert.Equal([all, dns], plan.At(Address("10.0.0.3"))!.Groups!);
        Assert.Null(plan.At(Address("10.0.0.4"))!.Groups); // of no space: not the agent's business
    }

    [Fact]
    public void Without_knowing_security_groups_nobody_has_any() =>
        Assert.Null(Planner.Plan([new LocalContainer("h", Address("10.0.0.1")) { Space = "s1" }], PolicySet.Empty, null, null).Parts[0].Groups);

    [Fact]
    public void Containers_for_which_nothing_changes_keep_their_part()
    {
        List<LocalContainer> containers = Containers("h1 a 10.0.0.1, h2 b 10.0.0.2, h3 c 10.0.0.3");
        PolicySet policies = Policies("a 1 b tcp 80, a 1 c tcp 80");
        PolicyPlan before = Planner.Plan(containers, policies, null, null);
        PolicyPlan after = Planner.Plan(containers, policies.With([new AppPolicy("x", 9, "b", AppPolicy.Tcp, 81, 81)], []), null, null, before);

        Assert.Same(before.Parts[0], after.Parts[0]);
        Assert.NotSame(before.Parts[1], after.Parts[1]);
        Assert.Same(before.Parts[2], after.Parts[2]);
        Assert.Same(before.Parts[1], Planner.Plan(Containers("h9 d 10.0.0.1, h2 b 10.0.0.2"), policies, null, null, before).At(Address("10.0.0.2")));
        Assert.NotSame(before.Parts[1], Planner.Plan(Containers("h9 b 10.0.0.2"), policies, null, null, before).At(Address("10.0.0.2")));
        Assert.NotSame(before.Parts[1], Planner.Plan(containers, policies, 7, null, before).Parts[1]);
    }

    internal static List<LocalContainer> Containers(string text) => [.. Split(text).Select(each => each.Split(' ')).Select(each => new LocalContainer(each[0], Address(each[2])) { App = each[1] })];

    internal static PolicySet Policies(string text) => PolicySet.Of(Split(text).Select(each => each.Split(' ')).Select(each =>
    {
        ushort[] ports = [.. each[4].Split('-').Select(port => ushort.Parse(port, null))];
        return new AppPolicy(each[0], ushort.Parse(each[1], null), each[2], each[3] == "tcp" ? AppPolicy.Tcp : AppPolicy.Udp, ports[0], ports[^1]);
    }));

    internal static Ipv4 Address(string text) => Ipv4.TryParse(text, out Ipv4 address) ? address : throw new ArgumentException(text);

    private static EgressRule Rule(string address, ushort port) => new(Address(address), Address(address), AppPolicy.Tcp, port, port, null, false);

    private static string Text(AllowedPorts each) => $"{each.Tag} {each.Address} {AppPolicy.Word(each.Protocol)} {each.First}{(each.First == each.Last ? "" : $"-{each.Last}")}";

    private static string[] Split(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    private static IEnumerable<string> Sorted(string text) => Split(text).Order(StringComparer.Ordinal);
}
