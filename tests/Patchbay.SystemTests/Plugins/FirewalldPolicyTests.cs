using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>ingressPolicy beside the real firewalld, by packets: what its zone lets through, the policy keeps apart all the same.</summary>
public sealed class FirewalldPolicyTests : IDisposable
{
    private const string Open = """{ "backend": "firewalld" }""";

    private readonly FirewallHost _net = new();
    private readonly List<(TestNamespace Container, PluginResult Result, int N)> _connected = [];

    public void Dispose() => _net.Dispose();

    [Fact]
    public void Same_bridge_keeps_bridges_apart_and_nothing_else()
    {
        const string Keys = """{ "backend": "firewalld", "ingressPolicy": "same-bridge" }""";
        (TestNamespace a, TestNamespace c, Firewalld firewalld) = Connect();

        All(firewalld, "ADD", Keys);

        Assert.Equal(6, firewalld.Sources().Length);
        FirewallHost.AssertReaches(a, false, "10.2.0.2", "fd00:2::2");
        FirewallHost.AssertReaches(c, false, "10.1.0.2", "fd00:1::2");
        FirewallHost.AssertReaches(a, true, "10.1.0.3", "fd00:1::3");
        FirewallHost.AssertReaches(a, true);
        All(firewalld, "CHECK", Keys);

        All(firewalld, "DEL", Keys);
        All(firewalld, "ADD", Open);
        FirewallHost.AssertReaches(a, true, "10.2.0.2", "fd00:2::2");
    }

    [Fact]
    public void Isolated_keeps_containers_of_one_bridge_apart_as_well()
    {
        FirewallPolicyTests.NeedsNftBridge();
        const string Keys = """{ "backend": "firewalld", "ingressPolicy": "isolated" }""";
        (TestNamespace a, _, Firewalld firewalld) = Connect();

        All(firewalld, "ADD", Keys);

        FirewallHost.AssertReaches(a, false, "10.1.0.3", "fd00:1::3");
        FirewallHost.AssertReaches(a, false, "10.2.0.2", "fd00:2::2");
        FirewallHost.AssertReaches(a, true, "10.1.0.1", "fd00:1::1");
        FirewallHost.AssertReaches(a, true);
        All(firewalld, "CHECK", Keys);

        All(firewalld, "DEL", Keys);
        All(firewalld, "ADD", Open);
        FirewallHost.AssertReaches(a, true, "10.1.0.3", "fd00:1::3");
    }

    // Two containers on cni1 and one on cni2, which firewalld lets reach each other once they are in its zone.
    private (TestNamespace A, TestNamespace C, Firewalld Firewalld) Connect()
    {
        foreach (int n in (int[])[1, 1, 2])
        {
            (TestNamespace container, PluginResult result) = _net.Connect(n);
            _connected.Add((container, result, n));
        }

        Firewalld firewalld = Firewalld.Start(_net.Host);
        TestNamespace a = _connected[0].Container;
        FirewallHost.AssertReaches(a, false, "10.2.0.2", "fd00:2::2");
        All(firewalld, "ADD", Open);
        FirewallHost.AssertReaches(a, true, "10.2.0.2", "fd00:2::2");
        FirewallHost.AssertReaches(a, true, "10.1.0.3", "fd00:1::3");
        All(firewalld, "DEL", Open);
        return (a, _connected[2].Container, firewalld);
    }

    private void All(Firewalld firewalld, string command, string keys)
    {
        foreach ((TestNamespace container, PluginResult result, int n) in _connected)
            _net.Firewall.Invoke(command, FirewallHost.Config(result, keys, n), container.Name, container.Path, "eth0", environment: firewalld.Environment).Check();
    }
}
