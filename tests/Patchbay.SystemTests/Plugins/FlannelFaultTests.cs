using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>flannel: leases that are not there or half there, and configurations that cannot be.</summary>
public sealed class FlannelFaultTests : IDisposable
{
    private readonly FlannelHost _f = new();

    private TestHost Host => _f.Host;

    public void Dispose() => _f.Dispose();

    // A key without a value crashes the reference.
    [Theory]
    [InlineData("", "is missing FLANNEL_NETWORK, FLANNEL_IPV6_NETWORK, FLANNEL_SUBNET, FLANNEL_IPV6_SUBNET, FLANNEL_MTU, FLANNEL_IPMASQ")]
    [InlineData("\0\0\0\0", "is missing FLANNEL_NETWORK")]
    [InlineData("FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.7.1/24\nFLANNEL_MTU=14", "line 3: FLANNEL_MTU should be an MTU from 68 to 65535")]
    [InlineData("FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.7.1/24\nFLANNEL_MTU=145", "is missing FLANNEL_IPMASQ")]
    [InlineData("FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.7.1/24\nFLANNEL_MTU=1450\n", "is missing FLANNEL_IPMASQ")]
    [InlineData("FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.7.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=tr", "line 4: FLANNEL_IPMASQ")]
    [InlineData("FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.7.1/24\nFLANNEL_MTU\n", "line 3: FLANNEL_MTU has no value")]
    [InlineData("FLANNEL_NETWORK\n", "line 1: FLANNEL_NETWORK has no value")]
    [InlineData("FLANNEL_SUBNET", "line 1: FLANNEL_SUBNET has no value")]
    [InlineData("FLANNEL_IPMASQ", "line 1: FLANNEL_IPMASQ has no value")]
    [InlineData("FLANNEL_IPV6_SUBNET", "line 1: FLANNEL_IPV6_SUBNET has no value")]
    [InlineData("FLANNEL_NETWORK=10.244.0.0/16,\n", "line 1: FLANNEL_NETWORK")]
    [InlineData("FLANNEL_NETWORK=fd00::/48\n", "line 1: FLANNEL_NETWORK should be an IPv4 network")]
    [InlineData("FLANNEL_IPV6_SUBNET=10.244.7.1/24\n", "line 1: FLANNEL_IPV6_SUBNET should be an IPv6 network")]
    [InlineData("FLANNEL_SUBNET=10.244.7.1/33\n", "10.244.7.1/33")]
    [InlineData("FLANNEL_SUBNET=10.244.7.1\n", "10.244.7.1")]
    [InlineData("FLANNEL_MTU=-1450\n", "-1450")]
    [InlineData("FLANNEL_MTU=99999999999\n", "99999999999")]
    public void A_lease_that_is_half_written_is_told(string text, string problem)
    {
        File.WriteAllText(_f.SubnetFile, text);
        Refused(problem);
    }

    [Fact]
    public void A_lease_that_cannot_be_read_is_told()
    {
        File.Delete(_f.SubnetFile);
        Refused("failed to load flannel 'subnet.env' file: open");
        Directory.CreateDirectory(_f.SubnetFile);
        Refused("failed to load flannel 'subnet.env' file");
        Directory.Delete(_f.SubnetFile);
        File.WriteAllText(_f.SubnetFile, FlannelHost.Lease + new string('#', 70_000));
        Refused("larger than 64 KiB");
    }

    [Theory]
    [InlineData("""{ "delegate": { "name": "x" } }""", 7, "'delegate' dictionary must not have 'name' field, it'll be set by flannel")]
    [InlineData("""{ "delegate": { "ipam": {} } }""", 7, "'delegate' dictionary must not have 'ipam' field, it'll be set by flannel")]
    [InlineData("""{ "delegate": { "type": 7 } }""", 999, "delegate.type")]
    [InlineData("""{ "delegate": { "type": "" } }""", 7, "'type'")]
    [InlineData("""{ "delegate": { "type": "flannel" } }""", 7, "flannel")]
    [InlineData("""{ "delegate": { "type": "../../bin/sh" } }""", 999, "../../bin/sh")]
    [InlineData("""{ "delegate": [] }""", 999, "\"delegate\"")]
    [InlineData("""{ "delegate": "bridge" }""", 999, "\"delegate\"")]
    [InlineData("""{ "subnetFile": 7 }""", 999, "subnetFile")]
    [InlineData("""{ "subnetFile": "subnet.env" }""", 7, "subnetFile")]
    [InlineData("""{ "dataDir": "data" }""", 7, "dataDir")]
    [InlineData("""{ "dataDir": {} }""", 999, "dataDir")]
    [InlineData("""{ "ipam": { "type": "a/b" } }""", 999, "a/b")]
    [InlineData("""{ "ipam": { "routes": 7 } }""", 999, "ipam.routes")]
    [InlineData("""{ "ipam": { "routes": [7] } }""", 999, "ipam.routes[0]")]
    [InlineData("""{ "ipam": { "routes": [{ "dst": "everywhere" }] } }""", 999, "everywhere")]
    public void Keys_that_cannot_be_are_refused(string keys, int code, string text)
    {
        TestNamespace container = Host.AddContainer();
        Snapshot before = Snapshot.Take(Host);

        _f.Flannel.Add(container, _f.Config(keys)).Failed(code, text);
        _f.Flannel.Invoke("STATUS", _f.Config(keys, "1.1.0")).Failed(code, text);

        before.AssertSame(Snapshot.Take(Host));
    }

    [Fact]
    public void Status_asks_for_the_lease_the_directory_and_the_delegate()
    {
        string config = _f.Config(version: "1.1.0");
        _f.Flannel.Invoke("STATUS", config).Check();
        Assert.False(Directory.Exists(_f.States));

        File.WriteAllText(_f.States, "");
        _f.Flannel.Invoke("STATUS", config).Failed(50, _f.States, "not a directory");
        File.Delete(_f.States);
        _f.Flannel.Invoke("STATUS", _f.Config("""{ "delegate": { "type": "bridge", "ipMasq": true, "ipMasqBackend": "pf" } }""", "1.1.0")).Failed(7, "pf");
    }

    [Fact]
    public void A_directory_that_cannot_be_written_fails_the_add()
    {
        TestNamespace container = Host.AddContainer();
        File.WriteAllText(_f.States, "");
        Snapshot before = Snapshot.Take(Host);

        _f.Flannel.Add(container, _f.Config()).Failed(5, _f.States);

        before.AssertSame(Snapshot.Take(Host));
    }

    private void Refused(string problem)
    {
        TestNamespace container = Host.AddContainer();
        Snapshot before = Snapshot.Take(Host);

        PluginResult added = _f.Flannel.Add(container, _f.Config());
        PluginResult status = _f.Flannel.Invoke("STATUS", _f.Config(version: "1.1.0"));

        added.Failed(11, problem, _f.SubnetFile);
        status.Failed(50, problem, _f.SubnetFile);
        before.AssertSame(Snapshot.Take(Host));
        _f.Flannel.Delete(container, _f.Config()).Check();
    }
}
