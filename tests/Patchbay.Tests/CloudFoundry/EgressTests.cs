using System.Net;
using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Meta.Wrapper;
using Patchbay.Plugins.Meta.Wrapper.Native;

namespace Patchbay.Tests.CloudFoundry;

/// <summary>Rules of Garden, and the ranges without overlap that they become.</summary>
public class EgressTests
{
    [Fact]
    public void Each_network_and_range_of_ports_is_a_rule()
    {
        var rules = Read("""
            [
              { "protocol": 1, "networks": [{ "start": "10.0.0.1", "end": "10.0.0.9" }, { "start": "192.0.2.7" }], "ports": [{ "start": 80, "end": 90 }, { "start": 443 }], "log": true },
              { "Protocol": 3, "Networks": [{ "Start": "10.0.0.1" }], "Icmps": { "Type": 8, "Code": 0 } },
              { "networks": [{ "start": "0.0.0.0", "end": "255.255.255.255" }] },
              { "networks": [{ "start": "0.0.0.0", "end": "255.255.255.255" }] }
            ]
            """, out var skipped);

        Assert.Empty(skipped);
        Assert.Equal(
            ["10.0.0.1-10.0.0.9 6 80-90 True", "10.0.0.1-10.0.0.9 6 443-443 True", "192.0.2.7-192.0.2.7 6 80-90 True", "192.0.2.7-192.0.2.7 6 443-443 True", "10.0.0.1-10.0.0.1 1 2048-2048 False", "0.0.0.0-255.255.255.255 0 0-0 False"],
            rules.Select(rule => $"{rule.Range} {rule.Protocol} {rule.FirstPort}-{rule.LastPort} {rule.Log}"));
    }

    [Theory]
    [InlineData("""{ "protocol": 1, "networks": [{ "start": "10.0.0.1" }] }""", "ports")]
    [InlineData("""{ "protocol": 3, "networks": [{ "start": "10.0.0.1" }], "icmps": { "type": 8 } }""", "ICMP type or code")]
    [InlineData("""{ "protocol": 3, "networks": [{ "start": "10.0.0.1" }], "icmps": { "type": 8, "code": null } }""", "ICMP type or code")]
    [InlineData("""{ "protocol": 4, "networks": [{ "start": "fd00::1" }] }""", "ICMP type or code")]
    [InlineData("""{ "protocol": 4, "networks": [{ "start": "10.0.0.1" }], "icmps": { "type": 128, "code": 0 } }""", "of the other family")]
    [InlineData("""{ "protocol": 0 }""", "networks")]
    [InlineData("""{ "protocol": 0, "networks": [{ "start": "fd00::1" }] }""", "rules are for IPv4")]
    public void What_makes_no_rule_is_skipped_and_told(string rule, string why)
    {
        Assert.Empty(Read($"[{rule}]", out var skipped));
        Assert.Contains(why, Assert.Single(skipped), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{ "protocol": 9 }""", "rules[0].protocol")]
    [InlineData("""{ "protocol": 1, "networks": [{ "start": "10.0.0.9", "end": "10.0.0.1" }], "ports": [{ "start": 1 }] }""", "ends before it starts")]
    [InlineData("""{ "protocol": 1, "networks": [{ "start": "10.0.0.1", "end": "fd00::1" }], "ports": [{ "start": 1 }] }""", "one family")]
    [InlineData("""{ "protocol": 1, "networks": [{ "start": "ten" }], "ports": [{ "start": 1 }] }""", "rules[0].networks[0].start")]
    [InlineData("""{ "protocol": 1, "networks": [{ "start": "10.0.0.1" }], "ports": [{ "start": 9, "end": 1 }] }""", "ends before it starts")]
    [InlineData("""{ "protocol": 1, "networks": [{ "start": "10.0.0.1" }], "ports": [{ "start": 70000 }] }""", "70000")]
    public void What_makes_no_sense_is_an_error(string rule, string text) =>
        Assert.Contains(text, Assert.Throws<CniException>(() => Read($"[{rule}]", out _)).Message, StringComparison.Ordinal);

    [Fact]
    public void Any_type_of_icmp_is_one_range()
    {
        var rules = Read("""
            [{ "protocol": 3, "networks": [{ "start": "10.0.0.1" }], "icmps": { "type": 255, "code": 255 } },
             { "protocol": 3, "networks": [{ "start": "10.0.0.1" }], "icmps": { "type": 8, "code": -1 } }]
            """, out _);
        Assert.Equal([(0, 65535), (0x800, 0x8ff)], rules.Select(rule => ((int)rule.FirstPort, (int)rule.LastPort)));
    }

    [Fact]
    public void Neighbours_become_one_box()
    {
        EgressRule Rule(string first, string last, ushort port) => new(EgressRule.ToNumber(IPAddress.Parse(first)), EgressRule.ToNumber(IPAddress.Parse(last)), 6, port, port, false);
        var boxes = EgressBox.Of([Rule("10.0.0.0", "10.0.0.7", 80), Rule("10.0.0.8", "10.0.0.9", 81), Rule("10.0.0.0", "10.0.0.7", 81), Rule("10.0.0.8", "10.0.0.9", 80)]);
        Assert.Equal(new EgressBox(0x0a000000, 0x0a000009, 80, 81, false), Assert.Single(boxes));
    }

    [Fact]
    public void Boxes_do_not_overlap_and_say_what_the_first_matching_rule_says()
    {
        for (int seed = 0; seed < 300; seed++)
        {
            var random = new Random(seed);
            var rules = Enumerable.Range(0, random.Next(1, 9)).Select(_ =>
            {
                uint address = random.Next(6) == 0 ? uint.MaxValue - 9 : (uint)random.Next(12);
                ushort port = (ushort)(random.Next(6) == 0 ? ushort.MaxValue - 9 : random.Next(12));
                return new EgressRule(address, address + (uint)random.Next(9), 6, port, (ushort)(port + random.Next(9)), random.Next(2) == 0);
            }).ToList();

            var boxes = EgressBox.Of(rules);

            foreach (uint address in Enumerable.Range(0, 22).Select(n => (uint)n).Concat(Enumerable.Range(0, 11).Select(n => uint.MaxValue - (uint)n)))
            {
                foreach (int port in Enumerable.Range(0, 22).Concat(Enumerable.Range(ushort.MaxValue - 10, 11)))
                {
                    var first = rules.Find(rule => rule.First <= address && address <= rule.Last && rule.FirstPort <= port && port <= rule.LastPort);
                    var inside = boxes.FindAll(box => box.First <= address && address <= box.Last && box.FirstPort <= port && port <= box.LastPort);
                    Assert.Equal(first is null ? [] : [first.Log], inside.Select(box => box.Log));
                }
            }
        }
    }

    private static List<EgressRule> Read(string rules, out List<string> skipped, bool ipv6 = false)
    {
        var told = skipped = [];
        return EgressRule.Read(JsonView.Parse(Encoding.UTF8.GetBytes($$"""{ "rules": {{rules}} }"""), "test").Array("rules"), ipv6, told.Add);
    }
}
