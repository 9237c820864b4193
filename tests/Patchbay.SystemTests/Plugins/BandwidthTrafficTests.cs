using System.Diagnostics;
using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>bandwidth, under load: iperf3 between container and host, in both directions.</summary>
public sealed class BandwidthTrafficTests : IDisposable
{
    private readonly Shaping _s = new();

    public void Dispose() => _s.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Throughput_is_near_the_limit(bool toContainer)
    {
        Needs.Program("iperf3");
        const double Rate = 20e6;
        TestNamespace container = _s.Host.AddContainer();
        string limits = toContainer
            ? """{ "ingressRate": 20000000, "ingressBurst": 800000 }"""
            : """{ "egressRate": 20000000, "egressBurst": 800000 }""";
        _s.Bandwidth.Add(container, Shaping.Config(limits, _s.Connect(container))).Check();
        Process server = _s.Host.Start(["iperf3", "-s", "-1", "--forceflush"]);
        while (server.NextLine() is { } line && !line.Contains("listening", StringComparison.Ordinal))
        {
        }

        JsonElement end = container.Run(["iperf3", "-c", "10.22.0.1", "-t", "4", "-J", .. toContainer ? (string[])["-R"] : []]).Check().Json.GetProperty("end");

        // Wide on purpose: the machine may be busy, and headers count for the limit and not for iperf3.
        Assert.InRange(end.GetProperty("sum_received").GetProperty("bits_per_second").GetDouble(), Rate / 3, Rate * 1.2);
        server.WaitForExit();
    }
}
