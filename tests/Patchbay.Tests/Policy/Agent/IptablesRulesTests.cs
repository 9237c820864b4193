using System.Net;
using Patchbay.Policy.Agent;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Iptables;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Tests.Policy.Agent;

/// <summary>Rules in the words of iptables-save(8), as the reference's agent makes them.</summary>
public class IptablesRulesTests
{
    private static readonly AgentOptions Options = new() { AcceptedUdpLogsPerSecond = 7 };

    [Fact]
    public void Marks_come_first_then_what_is_allowed()
    {
        PolicyPlan plan = Plan("h1 a 10.0.0.1, h2 b 10.0.0.2", "a 10 b tcp 9999, b 12 a udp 80-82");
        Assert.Equal(
            [
                "-s 10.0.0.1/32 -m comment --comment \"src:a\" -j MARK --set-xmark 0xa/0xffffffff",
                "-s 10.0.0.2/32 -m comment --comment \"src:b\" -j MARK --set-xmark 0xc/0xffffffff",
                "-d 10.0.0.1/32 -p udp -m udp --dport 80:82 -m mark --mark 0xc -m comment --comment \"src:b_dst:a\" -j ACCEPT",
                "-d 10.0.0.2/32 -p tcp -m tcp --dport 9999 -m mark --mark 0xa -m comment --comment \"src:a_dst:b\" -j ACCEPT",
            ],
            PolicyRules.Of(plan, Options));
    }

    [Fact]
    public void A_log_comes_before_each_permission()
    {
        List<string> rules = PolicyRules.Of(Plan("h2 b 10.0.0.2", "a 10 b tcp 9999, a 10 b udp 53"), Options with { LogContainers = true, Unrestricted = IPNetwork.Parse("10.255.0.0/16") });
        Assert.Equal(
            [
                "-s 10.255.0.0/16 -d 10.255.0.0/16 -j ACCEPT",
                "-d 10.0.0.2/32 -p tcp -m tcp --dport 9999 -m mark --mark 0xa -m comment --comment \"src:a_dst:b\" -m conntrack --ctstate INVALID,NEW,UNTRACKED -j LOG --log-prefix \"OK_C_b \"",
                "-d 10.0.0.2/32 -p tcp -m tcp --dport 9999 -m mark --mark 0xa -m comment --comment \"src:a_dst:b\" -j ACCEPT",
                "-d 10.0.0.2/32 -p udp -m udp --dport 53 -m mark --mark 0xa -m comment --comment \"src:a_dst:b\" -m limit --limit 7/sec --limit-burst 7 -j LOG --log-prefix \"OK_C_b \"",
                "-d 10.0.0.2/32 -p udp -m udp --dport 53 -m mark --mark 0xa -m comment --comment \"src:a_dst:b\" -j ACCEPT",
            ],
            rules);
    }

    [Fact]
    public void What_is_not_known_stays_for_those_who_are_still_there()
    {
        List<string> present = PolicyRules.Of(Plan("h1 a 10.0.0.1, h2 b 10.0.0.2", "a 10 b tcp 80, b 12 a tcp 80"), Options with { Unrestricted = IPNetwork.Parse("10.255.0.0/16") });
        Assert.Equal(present, PolicyRules.StillMeant(present, PlannerTests.Containers("h3 a 10.0.0.1, h2 b 10.0.0.2")));
        Assert.Equal([present[0], present[1], present[3]], PolicyRules.StillMeant(present, PlannerTests.Containers("h1 a 10.0.0.1, h3 c 10.0.0.2")));
    }

    private static readonly string[] Wrapper =
    [
        "*filter", ":FORWARD ACCEPT [0:0]", ":netout--h-1 - [0:0]", ":netout--h-1--log - [0:0]", "-A FORWARD -s 10.0.0.1/32 -o eth0 -j netout--h-1",
        "-A netout--h-1 -m state --state RELATED,ESTABLISHED -j ACCEPT", "-A netout--h-1 -d 192.0.2.0/24 -j REJECT --reject-with icmp-port-unreachable",
        "-A netout--h-1 -m limit --limit 1/sec --limit-burst 1 -j LOG --log-prefix \"DENY_h-1 \"", "-A netout--h-1 -j REJECT --reject-with icmp-port-unreachable", "COMMIT",
    ];

    [Fact]
    public void Security_groups_come_before_what_denies()
    {
        Ipv4 first = PlannerTests.Address("10.1.0.0"), last = PlannerTests.Address("10.1.0.9");
        List<LocalContainer> containers = PlannerTests.Containers("h-1 a 10.0.0.1, h-2 b 10.0.0.2");
        PolicyPlan plan = new(
            [
                new ContainerPlan
                {
                    Container = containers[0],
                    Groups = [new(first, last, 6, 80, 90, null, true), new(first, last, 17, 53, 53, null, false), new(first, last, 1, 8, 8, 0, false), new(first, last, 1, 0, 255, null, false), new(first, last, 0, 0, 65535, null, false)],
                },
                new ContainerPlan { Container = containers[1], Groups = [new(first, last, 0, 0, 65535, null, false)] }, // its chain is not there yet
            ],
            []);
        var script = new List<string>();
        GroupChains.Add(script, plan, Options, Wrapper);
        string[] rules =
        [
            "-A asg-h1 -p tcp -m iprange --dst-range 10.1.0.0-10.1.0.9 -m tcp --dport 80:90 -g netout--h-1--log",
            "-A asg-h1 -p udp -m iprange --dst-range 10.1.0.0-10.1.0.9 -m udp --dport 53 -j ACCEPT",
            "-A asg-h1 -p icmp -m iprange --dst-range 10.1.0.0-10.1.0.9 -m icmp --icmp-type 8/0 -j ACCEPT",
            "-A asg-h1 -p icmp -m iprange --dst-range 10.1.0.0-10.1.0.9 -m icmp --icmp-type any -j ACCEPT",
            "-A asg-h1 -m iprange --dst-range 10.1.0.0-10.1.0.9 -j ACCEPT",
        ];
        Assert.Equal([":asg-h1 - [0:0]", .. rules, "-I netout--h-1 3 -j asg-h1"], script);

        // A second time nothing differs; a container that is gone leaves nothing.
        string[] after = [.. Wrapper[..7], "-A netout--h-1 -j asg-h1", .. Wrapper[7..], ":asg-h1 - [0:0]", .. rules];
        script.Clear();
        GroupChains.Add(script, plan, Options, after);
        Assert.Empty(script);
        GroupChains.Add(script, new PolicyPlan([], []), Options, after);
        Assert.Equal(["-D netout--h-1 -j asg-h1", "-F asg-h1", "-X asg-h1"], script);
    }

    [Theory]
    [InlineData("h-1", "asg-h1")]
    [InlineData("check-0123-4567-89ab-cdef-0123-4567", "asg-0123456789abcdef0123")]
    public void Chains_are_named_as_the_references(string handle, string chain) => Assert.Equal(chain, GroupChains.NameOf(handle));

    private static PolicyPlan Plan(string containers, string policies) => Planner.Plan(PlannerTests.Containers(containers), PlannerTests.Policies(policies), null, null);
}
