using Patchbay.Netlink;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Netlink;

/// <summary>Features of devices switched by the library, judged by ethtool(8).</summary>
public sealed class EthtoolTests : IDisposable
{
    private readonly TestHost _host = TestHost.Create();
    private readonly EthtoolSocket _socket;

    public EthtoolTests()
    {
        using var space = NetworkNamespace.Open(_host.Path);
        _socket = EthtoolSocket.Open(space);
        _host.Run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1").Check();
    }

    public void Dispose()
    {
        _socket.Dispose();
        _host.Dispose();
    }

    [Fact]
    public void All_features_are_as_ethtool_lists_them()
    {
        // Indented lines are those of the set of which the line above is the sum.
        string[] listed = [.. Shown().Where(line => _socket.GetFeatures("v0").Any(feature => line.StartsWith(feature.Name + ":", StringComparison.Ordinal)))];
        Assert.True(listed.Length > 30);
        Assert.All(_socket.GetFeatures("v0").Where(feature => listed.Any(line => line.StartsWith(feature.Name + ":", StringComparison.Ordinal))), feature =>
            Assert.Contains($"{feature.Name}: {(feature.Active ? "on" : "off")}{(feature.CanChange ? "" : " [fixed]")}", listed));
    }

    [Theory]
    [InlineData("tx", "tx-checksumming")]
    [InlineData("rx", "rx-checksumming")]
    [InlineData("tso", "tcp-segmentation-offload")]
    [InlineData("gro", "generic-receive-offload")]
    [InlineData("sg", "scatter-gather")]
    public void Short_names_mean_what_ethtool_means(string feature, string shown)
    {
        bool before = Shown().Contains($"{shown}: on");
        _socket.SetFeature("v0", feature, !before);
        Assert.Contains($"{shown}: {(before ? "off" : "on")}", Shown());
        _socket.SetFeature("v0", feature, before);
        _socket.SetFeature("v0", feature, before); // again: nothing to do
        Assert.Contains($"{shown}: {(before ? "on" : "off")}", Shown());
    }

    [Fact]
    public void What_cannot_be_is_told()
    {
        _socket.SetFeature("v0", "tx-checksum-ip-generic", on: false);
        Assert.Contains("tx-checksum-ip-generic: off", Shown());
        Assert.Contains("\"nonsense\" of \"v0\"", Refused("v0", "nonsense", on: true), StringComparison.Ordinal);
        Assert.Contains("cannot change it", Refused("v0", "rx-fcs", on: true), StringComparison.Ordinal);
        Assert.Contains("No such device", Refused("v9", "tx", on: true), StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => _socket.SetFeature("a-name-that-is-too-long", "tx", on: true));
        _socket.SetFeature("v0", "rx-fcs", on: false); // fixed, and as wished
    }

    private string Refused(string link, string feature, bool on) => Assert.Throws<NetlinkException>(() => _socket.SetFeature(link, feature, on)).Message;

    private string[] Shown() => [.. _host.Run("ethtool", "-k", "v0").Check().StandardOutput.Split('\n').Select(line => line.Trim())];
}
