using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Policy;

namespace Patchbay.SystemTests.Overlay;

/// <summary>A thousand hosts.</summary>
public sealed class OverlayScaleTests : IDisposable
{
    private const int Hosts = 1000;
    private readonly OverlayHosts _hosts = new();

    public void Dispose() => _hosts.Dispose();

    [Fact]
    public void A_thousand_leases_converge_in_one_round_and_later_only_differences()
    {
        string[] leases = [.. Enumerable.Range(0, Hosts).Select(each => $"198.18.{each / 250}.{1 + (each % 250)} 10.{200 + (each / 250)}.{1 + (each % 250)}.0/24")];
        _hosts.WriteLeases([.. leases, "192.0.2.1 10.255.1.0/24"]);
        System.Text.Json.Nodes.JsonObject configuration = _hosts.AgentConfiguration(1, controller: false);
        configuration["overlay_network"] = "10.128.0.0/9";
        PolicyServerProcess agent = _hosts.StartAgent(1, configuration);

        agent.WaitForLog("converged: 1000 hosts, 1000 came or changed, 0 went");
        Assert.Equal(Hosts, _hosts.Routes(1).Length);
        Assert.Equal(Hosts, _hosts.One.IpJson($"neigh show dev {OverlayHosts.Vtep} nud permanent").GetArrayLength());
        Assert.Equal(Hosts, _hosts.One.BridgeJson($"fdb show dev {OverlayHosts.Vtep}").GetArrayLength());

        leases[7] = leases[7].Replace("198.18.0.8 ", "198.18.9.9 ", StringComparison.Ordinal);
        _hosts.WriteLeases([.. leases.SkipLast(1), "192.0.2.1 10.255.1.0/24"]);
        agent.WaitForLog("converged: 999 hosts, 1 came or changed, 1 went");
        Assert.Equal(Hosts - 1, _hosts.BridgeEntries(1).Length);
        Assert.Contains(_hosts.BridgeEntries(1), each => each.EndsWith(" 198.18.9.9", StringComparison.Ordinal));

        _hosts.WriteLeases("192.0.2.1 10.255.1.0/24");
        agent.WaitForLog("converged: 0 hosts, 0 came or changed, 999 went");
        Assert.Empty(_hosts.Routes(1));
        Assert.Empty(_hosts.BridgeEntries(1));
    }
}
