using System.Text;
using Patchbay.Cni.Model;

namespace Patchbay.Tests.Cni;

public class ResultTests
{
    private static readonly CniResult s_full = new()
    {
        Interfaces =
        [
            new() { Name = "cni0", Mac = "00:11:22:33:44:55" },
            new() { Name = "eth0", Mac = "99:88:77:66:55:44", Mtu = 1400, Sandbox = "/run/netns/x", SocketPath = "/s", PciId = "0000:00:01.0" },
        ],
        Ips =
        [
            new() { Interface = 0, Address = IpPrefix.Parse("10.1.2.3/24"), Gateway = IpText.TryParse("10.1.2.1") },
            new() { Address = IpPrefix.Parse("fd00::3/64") },
        ],
        Routes =
        [
            new() { Dst = IpPrefix.Parse("0.0.0.0/0"), Gw = IpText.TryParse("10.1.2.9"), Mtu = 1300, AdvMss = 1200, Priority = 5, Table = 0, Scope = 253 },
            new() { Dst = IpPrefix.Parse("fd01::/16") },
        ],
        Dns = new() { Nameservers = ["1.1.1.1"], Domain = "d", Search = ["s"], Options = ["o"] },
    };

    private const string Flat = """
        {
            "cniVersion": "VERSION",
            "ip4": {
                "ip": "10.1.2.3/24",
                "gateway": "10.1.2.1",
                "routes": [
                    {
                        "dst": "0.0.0.0/0",
                        "gw": "10.1.2.9"
                    }
                ]
            },
            "ip6": {
                "ip": "fd00::3/64",
                "routes": [
                    {
                        "dst": "fd01::/16"
                    }
                ]
            },
            "dns": {
                "nameservers": [
                    "1.1.1.1"
                ],
                "domain": "d",
                "search": [
                    "s"
                ],
                "options": [
                    "o"
                ]
            }
        }
        """;

    private const string Lists = """
        {
            "cniVersion": "VERSION",
            "interfaces": [
                {
                    "name": "cni0",
                    "mac": "00:11:22:33:44:55"
                },
                {
                    "name": "eth0",
                    "mac": "99:88:77:66:55:44",
                    "sandbox": "/run/netns/x"
                }
            ],
            "ips": [
                {
                    "version": "4",
                    "interface": 0,
                    "address": "10.1.2.3/24",
                    "gateway": "10.1.2.1"
                },
                {
                    "version": "6",
                    "address": "fd00::3/64"
                }
            ],
            "routes": [
                {
                    "dst": "0.0.0.0/0",
                    "gw": "10.1.2.9",
                    "mtu": 1300,
                    "advmss": 1200,
                    "priority": 5,
                    "table": 0,
                    "scope": 253
                },
                {
                    "dst": "fd01::/16"
                }
            ],
            "dns": {
                "nameservers": [
                    "1.1.1.1"
                ],
                "domain": "d",
                "search": [
                    "s"
                ],
                "options": [
                    "o"
                ]
            }
        }
        """;

    private const string Alphabetical = """
        {
            "cniVersion": "VERSION",
            "dns": {
                "nameservers": [
                    "1.1.1.1"
                ],
                "domain": "d",
                "search": [
                    "s"
                ],
                "options": [
                    "o"
                ]
            },
            "interfaces": [
                {
                    "mac": "00:11:22:33:44:55",
                    "name": "cni0"
                },
                {
                    "mac": "99:88:77:66:55:44",
                    "mtu": 1400,
                    "name": "eth0",
                    "pciID": "0000:00:01.0",
                    "sandbox": "/run/netns/x",
                    "socketPath": "/s"
                }
            ],
            "ips": [
                {
                    "address": "10.1.2.3/24",
                    "gateway": "10.1.2.1",
                    "interface": 0
                },
                {
                    "address": "fd00::3/64"
                }
            ],
            "routes": [
                {
                    "advmss": 1200,
                    "dst": "0.0.0.0/0",
                    "gw": "10.1.2.9",
                    "mtu": 1300,
                    "priority": 5,
                    "scope": 253,
                    "table": 0
                },
                {
                    "dst": "fd01::/16"
                }
            ]
        }
        """;

    public static TheoryData<string, string> Forms => new()
    {
        { "0.1.0", Flat },
        { "0.2.0", Flat },
        { "0.3.0", Lists },
        { "0.3.1", Lists },
        { "0.4.0", Lists },
        { "1.0.0", Alphabetical },
        { "1.1.0", Alphabetical },
    };

    [Theory]
    [MemberData(nameof(Forms))]
    public void Every_version_is_written_and_read_back(string version, string form)
    {
        string expected = form.Replace("VERSION", version, StringComparison.Ordinal);
        SpecVersion spec = SpecVersion.Parse(version);
        Assert.Equal(expected, Write(s_full, spec));
        Assert.Equal(expected, Write(CniResult.Parse(Encoding.UTF8.GetBytes(expected), SpecVersion.V010), spec));
    }

    [Theory]
    [InlineData("0.3.0", "\n    \"dns\": {}\n")]
    [InlineData("1.0.0", "\n")]
    public void Nothing_is_written_short(string version, string rest) =>
        Assert.Equal($"{{\n    \"cniVersion\": \"{version}\"{(rest.Length > 1 ? "," : "")}{rest}}}", Write(new CniResult(), SpecVersion.Parse(version)));

    [Theory]
    [InlineData("0.1.0")]
    [InlineData("0.2.0")]
    public void Flat_versions_need_an_address(string version)
    {
        CniException error = Assert.Throws<CniException>(() => new CniResult { Interfaces = s_full.Interfaces }.ToJson(SpecVersion.Parse(version)));
        Assert.Equal((999u, "cannot convert: no valid IP addresses"), (error.Code, error.Message));
    }

    [Fact]
    public void Flat_versions_take_the_first_address_of_each_family()
    {
        CniResult many = new() { Ips = [Ip("fd00::1/64"), Ip("10.0.0.1/8"), Ip("10.0.0.2/8"), Ip("fd00::2/64")] };
        CniResult back = CniResult.Parse(many.ToJson(SpecVersion.V020), SpecVersion.V020);
        Assert.Equal(["10.0.0.1/8", "fd00::1/64"], back.Ips.Select(ip => ip.Address.ToString()));
    }

    [Fact]
    public void A_result_without_version_takes_the_configurations()
    {
        Assert.Single(CniResult.Parse("""{"ips":[{"address":"10.0.0.1/8"}]}"""u8.ToArray(), SpecVersion.V100).Ips);
        Assert.Single(CniResult.Parse("""{"cniVersion":"","ip4":{"ip":"10.0.0.1/8"}}"""u8.ToArray(), SpecVersion.V010).Ips);
    }

    [Theory]
    [InlineData("""{"cniVersion":"1.2.0"}""", "unsupported CNI result version \"1.2.0\"")]
    [InlineData("""{"ips":[{}]}""", "failed to load netconf: \"ips[0]\" has no \"address\"")]
    [InlineData("""{"ips":[{"address":"10.0.0.1"}]}""", "failed to load netconf: \"ips[0].address\" must be an address in CIDR notation such as 10.1.2.0/24, not \"10.0.0.1\"")]
    [InlineData("""{"routes":[{"gw":"10.0.0.1"}]}""", "failed to load netconf: \"routes[0]\" has no \"dst\": a route needs a destination in CIDR notation")]
    public void Malformed_results_are_refused_by_name(string json, string message) =>
        Assert.Equal(message, Assert.Throws<CniException>(() => CniResult.Parse(Encoding.UTF8.GetBytes(json), SpecVersion.V100)).Message);

    private static CniIp Ip(string address) => new() { Address = IpPrefix.Parse(address) };

    private static string Write(CniResult result, SpecVersion version) => Encoding.UTF8.GetString(result.ToJson(version).Span);
}
