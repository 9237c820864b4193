using System.Text.RegularExpressions;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>The result of the bridge plugin in each version, letter by letter: keys, their order, four spaces.</summary>
public partial class BridgeResultTests
{
    private const string Flat = """
        {
            "cniVersion": "VERSION",
            "ip4": {
                "ip": "10.22.0.2/24",
                "gateway": "10.22.0.1",
                "routes": [
                    {
                        "dst": "192.0.2.0/24"
                    },
                    {
                        "dst": "0.0.0.0/0",
                        "gw": "10.22.0.1"
                    }
                ]
            },
            "ip6": {
                "ip": "fd22::2/64",
                "gateway": "fd22::1",
                "routes": [
                    {
                        "dst": "::/0",
                        "gw": "fd22::1"
                    }
                ]
            },
            "dns": DNS
        }
        """;

    private const string Lists = """
        {
            "cniVersion": "VERSION",
            "interfaces": [
                {
                    "name": "cni0",
                    "mac": "BRIDGE"
                },
                {
                    "name": "VETH",
                    "mac": "HOST"
                },
                {
                    "name": "eth0",
                    "mac": "CONTAINER",
                    "sandbox": "SANDBOX"
                }
            ],
            "ips": [
                {
                    "version": "4",
                    "interface": 2,
                    "address": "10.22.0.2/24",
                    "gateway": "10.22.0.1"
                },
                {
                    "version": "6",
                    "interface": 2,
                    "address": "fd22::2/64",
                    "gateway": "fd22::1"
                }
            ],
            "routes": [
                {
                    "dst": "192.0.2.0/24"
                },
                {
                    "dst": "0.0.0.0/0",
                    "gw": "10.22.0.1"
                },
                {
                    "dst": "::/0",
                    "gw": "fd22::1"
                }
            ],
            "dns": DNS
        }
        """;

    private const string Alphabetical = """
        {
            "cniVersion": "VERSION",
            "dns": DNS,
            "interfaces": [
                {
                    "mac": "BRIDGE",
                    "mtu": 1500,
                    "name": "cni0"
                },
                {
                    "mac": "HOST",
                    "mtu": 1500,
                    "name": "VETH"
                },
                {
                    "mac": "CONTAINER",
                    "mtu": 1500,
                    "name": "eth0",
                    "sandbox": "SANDBOX"
                }
            ],
            "ips": [
                {
                    "address": "10.22.0.2/24",
                    "gateway": "10.22.0.1",
                    "interface": 2
                },
                {
                    "address": "fd22::2/64",
                    "gateway": "fd22::1",
                    "interface": 2
                }
            ],
            "routes": [
                {
                    "dst": "192.0.2.0/24"
                },
                {
                    "dst": "0.0.0.0/0",
                    "gw": "10.22.0.1"
                },
                {
                    "dst": "::/0",
                    "gw": "fd22::1"
                }
            ]
        }
        """;

    [Theory]
    [InlineData("0.1.0", Flat)]
    [InlineData("0.2.0", Flat)]
    [InlineData("0.3.0", Lists)]
    [InlineData("0.3.1", Lists)]
    [InlineData("0.4.0", Lists)]
    [InlineData("1.0.0", Alphabetical)]
    [InlineData("1.1.0", Alphabetical)]
    public void Result_has_the_form_of_its_version(string version, string expected)
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Plugin bridge = new(host, "bridge");
        const string Routes = """[{ "dst": "192.0.2.0/24" }]""";

        string config = Conf.Bridge(host, """{ "isDefaultGateway": true }""", version, routes: Routes);
        PluginResult added = bridge.Add(container, config).Check();

        string withoutDns = DnsLine().Replace(expected, version is "1.0.0" or "1.1.0" ? "" : "\n    \"dns\": {}");
        Assert.Equal(Fill(withoutDns, host, container, version), added.StandardOutput);

        bridge.Delete(container, config).Check();
        Directory.Delete(Path.Combine(host.DataDirectory, "net"), recursive: true);
        string named = Conf.Bridge(host, """{ "isDefaultGateway": true, "dns": { "nameservers": ["192.0.2.53"] } }""", version, routes: Routes);
        added = bridge.Add(container, named).Check();

        string dns = "{\n        \"nameservers\": [\n            \"192.0.2.53\"\n        ]\n    }";
        Assert.Equal(Fill(expected.Replace("DNS", dns, StringComparison.Ordinal), host, container, version), added.StandardOutput);
    }

    [Theory]
    [InlineData("0.1.0")]
    [InlineData("0.2.0")]
    public void Link_without_address_cannot_be_told_in_the_oldest_versions_and_is_undone(string version)
    {
        Plugin.NeedsOurs("bridge");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Snapshot before = Snapshot.Take(host, except: "cni0");

        new Plugin(host, "bridge").Add(container, Conf.Bridge(host, """{ "ipam": null }""", version)).Failed(999, "cannot convert: no valid IP addresses");

        before.AssertSame(Snapshot.Take(host, except: "cni0"));
    }

    [GeneratedRegex("\n    \"dns\": DNS,?")]
    private static partial Regex DnsLine();

    // What differs from run to run is taken from the kernel.
    private static string Fill(string expected, TestHost host, TestNamespace container, string version)
    {
        string port = host.BridgeJson("link show")[0].Text("ifname");
        return expected
            .Replace("VERSION", version, StringComparison.Ordinal)
            .Replace("BRIDGE", host.Link("cni0").Text("address"), StringComparison.Ordinal)
            .Replace("VETH", port, StringComparison.Ordinal)
            .Replace("HOST", host.Link(port).Text("address"), StringComparison.Ordinal)
            .Replace("CONTAINER", container.Link("eth0").Text("address"), StringComparison.Ordinal)
            .Replace("SANDBOX", container.Path, StringComparison.Ordinal);
    }
}
