using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>Connectivity after ADD, and DEL in every state that a container's namespace can be in.</summary>
public class BridgeDeleteTests
{
    [Fact]
    public void Containers_and_host_reach_each_other()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace one = host.AddContainer(), two = host.AddContainer();
        Plugin bridge = new(host, "bridge");
        string config = Conf.Bridge(host, """{ "isDefaultGateway": true }""");

        bridge.Add(one, config).Check();
        bridge.Add(two, config).Check();

        foreach (string address in (string[])["10.22.0.1", "fd22::1", "10.22.0.3", "fd22::3"])
            one.Ping(address);
        foreach (string address in (string[])["10.22.0.2", "fd22::2", "10.22.0.3", "fd22::3"])
            host.Ping(address);
        bridge.Delete(one, config).Check();
        two.Ping("10.22.0.1");
        two.Ping("fd22::1");
    }

    [Fact]
    public void Delete_may_be_repeated_and_needs_no_add()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Plugin bridge = new(host, "bridge");
        string config = Conf.Bridge(host);
        Snapshot before = Snapshot.Take(host, except: "cni0");

        bridge.Delete(container, config).Check();
        PluginResult added = bridge.Add(container, config).Check();
        for (int time = 0; time < 3; time++)
        {
            Assert.Equal("", bridge.Delete(container, Conf.WithResult(config, added)).Check().StandardOutput);
            before.AssertSame(Snapshot.Take(host, except: "cni0"));
        }
    }

    [Theory]
    [InlineData("empty")]
    [InlineData("unset")]
    [InlineData("missing")]
    [InlineData("missing directory")]
    [InlineData("file as directory")]
    [InlineData("file")]
    public void Delete_without_namespace_gives_the_addresses_back(string kind)
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Plugin bridge = new(host, "bridge");
        string config = Conf.Bridge(host);
        bridge.Add(container, config).Check();
        string file = Path.Combine(host.Directory, "netns");
        File.WriteAllText(file, "");
        string? netns = kind switch
        {
            "empty" => "",
            "unset" => null,
            "missing" => $"/run/netns/{host.Name}-gone",
            "missing directory" => Path.Combine(host.Directory, "no/such/directory"),
            "file as directory" => Path.Combine(file, "netns"),
            _ => file,
        };

        for (int time = 0; time < 2; time++)
        {
            bridge.Invoke("DEL", config, container.Name, netns, "eth0").Check();
            Assert.Empty(Addresses(host));
        }
    }

    [Fact]
    public void Delete_after_the_namespace_has_gone_leaves_nothing()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        Plugin bridge = new(host, "bridge");
        string config = Conf.Bridge(host), name = $"{host.Name}-gone";
        Snapshot before = Snapshot.Take(host, except: "cni0");
        Command.Run(["ip", "netns", "add", name]).Check();
        try
        {
            bridge.Invoke("ADD", config, "gone", $"/run/netns/{name}", "eth0").Check();
        }
        finally
        {
            string veth = host.BridgeJson("link show") is { } ports && ports.GetArrayLength() > 0 ? ports[0].Text("ifname") : "none";
            Command.Run(["ip", "netns", "del", name]).Check();
            // The kernel takes the pair down with the namespace, a little later.
            Wait.Until($"the end of {veth}", () => !host.HasLink(veth));
        }

        bridge.Invoke("DEL", config, "gone", $"/run/netns/{name}", "eth0").Check();

        before.AssertSame(Snapshot.Take(host, except: "cni0"));
    }

    [Fact]
    public void Delete_with_a_broken_bridge_part_still_gives_the_addresses_back()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Plugin bridge = new(host, "bridge");
        Snapshot before = Snapshot.Take(host, except: "cni0");
        bridge.Add(container, Conf.Bridge(host)).Check();

        // Edited after the ADD, so that an ADD would refuse it now.
        bridge.Delete(container, Conf.Bridge(host, """{ "vlan": 9999, "hairpinMode": true, "promiscMode": true, "mtu": -1 }""", ranges: "[]")).Check();

        before.AssertSame(Snapshot.Take(host, except: "cni0"));
    }

    [Fact]
    public void Delete_does_all_of_its_work_when_the_ipam_fails()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Plugin bridge = new(host, "bridge");
        bridge.Add(container, Conf.Bridge(host)).Check();

        bridge.Delete(container, Conf.Bridge(host, """{ "ipam": { "type": "no-such-ipam" } }""")).Failed(999, "failed to find plugin \"no-such-ipam\"");

        Assert.False(container.HasLink("eth0"));
        bridge.Delete(container, Conf.Bridge(host)).Check();
        Assert.Empty(Addresses(host));
    }

    [Fact]
    public void Delete_is_of_one_attachment_only()
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace one = host.AddContainer(), two = host.AddContainer();
        Plugin bridge = new(host, "bridge");
        string config = Conf.Bridge(host);
        PluginResult added = bridge.Add(one, config).Check();
        Snapshot before = Snapshot.Take(host, except: "cni0");
        bridge.Add(two, config).Check();
        bridge.Delete(two, config).Check();

        before.AssertSame(Snapshot.Take(host, except: "cni0"));
        bridge.Check(one, Conf.WithResult(config, added)).Check();
    }

    private static string[] Addresses(TestHost host) =>
        [.. Directory.GetFiles(Path.Combine(host.DataDirectory, "net")).Select(file => Path.GetFileName(file)!).Where(name => char.IsAsciiDigit(name[0]) || name.StartsWith("fd", StringComparison.Ordinal))];
}
