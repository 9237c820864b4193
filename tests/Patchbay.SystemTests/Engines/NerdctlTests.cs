using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Patchbay.Cni.Plugin;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;

namespace Patchbay.SystemTests.Engines;

/// <summary>nerdctl's calls (docs/engines/nerdctl.md): its hooks attach by /proc/PID/ns/net, and detach without a namespace.</summary>
public sealed class NerdctlTests : IDisposable
{
    private const string HostAddress = "198.51.100.1";

    private readonly FirewallHost _node = new();
    private readonly EngineCalls _bridge;

    public NerdctlTests()
    {
        Plugin.NeedsOurs("portmap", "tuning");
        _bridge = new EngineCalls(Host, EngineCalls.Read(Host, "nerdctl-bridge.conflist"));
    }

    private TestHost Host => _node.Host;

    public void Dispose() => _node.Dispose();

    [Fact]
    public void Run_with_a_port_reaches_and_is_reached()
    {
        (TestNamespace web, EngineAttachment run) = Container(EngineCalls.GoCniPorts((8080, 80, "tcp", "0.0.0.0")), "NERDCTL_CNI_DHCP_HOSTNAME=web;IgnoreUnknown=1");
        (TestNamespace other, EngineAttachment second) = Container();
        using EchoServer inside = EchoServer.Tcp(web, 80), outside = EchoServer.Tcp(_node.Outside, 7000);

        PluginResult added = _bridge.Add(run).Check();
        _bridge.Add(second).Check();

        Assert.Equal(run.Netns, added.Json.GetProperty("interfaces")[2].Text("sandbox"));
        Assert.Equal(["10.4.0.2/24"], web.Addresses("eth0"));
        Assert.Contains("default via 10.4.0.1 dev eth0", web.Routes());
        Assert.Equal(["10.4.0.1/24"], Host.Addresses("nerdctl0"));
        Assert.Equal(FirewallHost.Outside4, EchoServer.AskTcp(_node.Outside, HostAddress, 8080));
        Assert.Equal(HostAddress, EchoServer.AskTcp(web, FirewallHost.Outside4, 7000)); // ipMasq
        Assert.Equal("10.4.0.3", EchoServer.AskTcp(other, "10.4.0.2", 80));
        Assert.NotNull(EchoServer.AskTcp(web, HostAddress, 8080)); // hairpinMode
        Assert.NotNull(EchoServer.AskTcp(Host, "127.0.0.1", 8080));
    }

    /// <summary>How nerdctl's DELs look; each comes twice: at the end of the task and when the container is removed.</summary>
    public static TheoryData<string> Deletes { get; } = ["poststop", "stop", "forgotten", "dead path", "missing path"];

    [Theory]
    [MemberData(nameof(Deletes))]
    public void A_container_that_ended_leaves_nothing(string how)
    {
        (TestNamespace _, EngineAttachment neighbour) = Container(EngineCalls.GoCniPorts((8081, 81, "udp", "")));
        (TestNamespace web, EngineAttachment run) = Container(EngineCalls.GoCniPorts((8080, 80, "tcp", "0.0.0.0"), (8080, 80, "udp", "127.0.0.1")), "MAC=02:00:00:00:04:02;IP=10.4.0.77;IgnoreUnknown=1");
        Warm(_bridge);
        _bridge.Add(neighbour).Check();
        Snapshot before = Snapshot.Take(Host, except: "nerdctl0");
        _bridge.Add(run).Check();
        Assert.Equal(["10.4.0.77/24"], web.Addresses("eth0"));
        Assert.Equal("02:00:00:00:04:02", web.Link("eth0").Text("address"));
        End(web);

        EngineAttachment end = how switch
        {
            "poststop" => run with { Netns = "" },
            "stop" => new EngineAttachment(run.Id, "", Capabilities: run.Capabilities),
            "forgotten" => new EngineAttachment(run.Id, ""),
            "dead path" => run with { Netns = "/proc/4194304/ns/net" },
            _ => run with { Netns = "/run/netns/nonesuch" },
        };
        if (how == "forgotten")
            _bridge.Forget(run);
        _bridge.Delete(end).Check();
        before.AssertSame(Snapshot.Take(Host, except: "nerdctl0"));
        _bridge.Delete(end).Check();
        _bridge.Delete(new EngineAttachment(run.Id, "")).Check();
        before.AssertSame(Snapshot.Take(Host, except: "nerdctl0"));
    }

    [Fact]
    public void What_the_reference_leaves_behind_ours_removes()
    {
        Assert.SkipUnless(File.Exists(Path.Combine(ReferencePlugins.Directory, "firewall")), "needs Debian's containernetworking-plugins");
        EngineCalls theirs = _bridge.With(ReferencePlugins.Directory);
        (TestNamespace web, EngineAttachment run) = Container(EngineCalls.GoCniPorts((8080, 80, "tcp", "0.0.0.0")));
        Warm(theirs);
        Snapshot before = Snapshot.Take(Host, except: "nerdctl0");
        theirs.Add(run).Check();
        EngineCalls ours = theirs.With(Plugin.OursDirectory);
        End(web);

        theirs.Delete(run with { Netns = "" }).Check();
        string[] left = before.Difference(Snapshot.Take(Host, except: "nerdctl0"));
        Assert.Contains(left, fact => fact.Contains("-A POSTROUTING -s 10.4.0.", StringComparison.Ordinal) && fact.Contains(run.Id, StringComparison.Ordinal));

        ours.Delete(new EngineAttachment(run.Id, "")).Check(); // nerdctl rm, after the plugins were exchanged
        before.AssertSame(Snapshot.Take(Host, except: "nerdctl0"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void After_a_reboot_the_container_is_deleted_or_started_again(bool deletedFirst)
    {
        Warm(_bridge);
        (TestNamespace web, EngineAttachment run) = Container(EngineCalls.GoCniPorts((8080, 80, "tcp", "0.0.0.0")));
        (TestNamespace lost, EngineAttachment gone) = Container();
        _bridge.Add(run).Check();
        _bridge.Add(gone).Check();
        // What is on disk is still there; the kernel's is not.
        End(web);
        End(lost);
        Host.Run("ip", "link", "del", "nerdctl0").Check();
        Host.Run("nft", "flush", "ruleset").Check();
        using EchoServer inside = EchoServer.Tcp(web, 80);

        _bridge.Delete(new EngineAttachment(gone.Id, "")).Check();
        if (!deletedFirst)
            _bridge.Add(run).Failed(999, "duplicate allocation is not allowed"); // the reservation outlived the kernel; a failed ADD is followed by DEL
        _bridge.Delete(run with { Netns = "" }).Check();
        _bridge.Add(run).Check();

        Assert.Equal(FirewallHost.Outside4, EchoServer.AskTcp(_node.Outside, HostAddress, 8080));
        _bridge.Delete(run).Check();
        Assert.Empty(Directory.GetFiles(Host.DataDirectory, "10.4.0.*", SearchOption.AllDirectories));
    }

    [Fact]
    public void Two_networks_are_attached_at_once_and_isolated_from_each_other()
    {
        // nerdctl network create blue --ipv6 --subnet …: the bridge's name is cut from the SHA-256 of the network's.
        JsonObject blueList = EngineCalls.Read(Host, "nerdctl-bridge.conflist");
        JsonObject bridge = blueList["plugins"]![0]!.AsObject();
        (blueList["name"], bridge["bridge"], bridge["capabilities"]) = ("blue", "br-16477688c0e0", new JsonObject { ["ips"] = true });
        bridge["ipam"]!["ranges"] = JsonNode.Parse("""[[{ "gateway": "10.4.1.1", "subnet": "10.4.1.0/24" }], [{ "gateway": "fd00:4::1", "subnet": "fd00:4::/64" }]]""");
        var blue = new EngineCalls(Host, blueList);
        Warm(_bridge, blue);
        (TestNamespace both, EngineAttachment first) = Container(new JsonObject { ["ips"] = new JsonArray("fd00:4::77") });
        (TestNamespace one, EngineAttachment onBridge) = Container();
        (TestNamespace two, EngineAttachment onBlue) = Container();
        Snapshot before = Snapshot.Take(Host, except: ["nerdctl0", "br-16477688c0e0"]);
        EngineAttachment secondOfBoth = first with { IfName = "eth1" };

        Parallel.Invoke(() => _bridge.Add(first).Check(), () => blue.Add(secondOfBoth).Check());
        _bridge.Add(onBridge).Check();
        blue.Add(onBlue).Check();

        Assert.Contains("fd00:4::77/64", both.Addresses("eth1"));
        both.Ping(one.Addresses("eth0")[0].Split('/')[0]);
        both.Ping(two.Addresses("eth0")[0].Split('/')[0]);
        two.Ping("fd00:4::77");
        Assert.NotEqual(0, one.Run("ping", "-c", "1", "-W", "1", two.Addresses("eth0")[0].Split('/')[0]).ExitCode);
        Assert.NotEqual(0, two.Run("ping", "-c", "1", "-W", "1", one.Addresses("eth0")[0].Split('/')[0]).ExitCode);

        foreach ((TestNamespace space, string link) in (ReadOnlySpan<(TestNamespace, string)>)[(both, "eth0"), (both, "eth1"), (one, "eth0"), (two, "eth0")])
            space.Run("ip", "link", "del", link).Check();
        foreach ((EngineCalls network, EngineAttachment each) in (ReadOnlySpan<(EngineCalls, EngineAttachment)>)[(_bridge, first), (blue, secondOfBoth), (_bridge, onBridge), (blue, onBlue)])
            network.Delete(each with { Netns = "" }).Check();
        before.AssertSame(Snapshot.Take(Host, except: ["nerdctl0", "br-16477688c0e0"]));
    }

    [Fact]
    public void Ports_of_a_container_are_told_to_each_of_its_networks()
    {
        JsonObject blueList = EngineCalls.Read(Host, "nerdctl-bridge.conflist");
        (blueList["name"], blueList["plugins"]![0]!["bridge"]) = ("blue", "br-16477688c0e0");
        blueList["plugins"]![0]!["ipam"]!["ranges"] = JsonNode.Parse("""[[{ "gateway": "10.4.1.1", "subnet": "10.4.1.0/24" }]]""");
        var blue = new EngineCalls(Host, blueList);
        (TestNamespace web, EngineAttachment first) = Container(EngineCalls.GoCniPorts((8080, 80, "tcp", "")));
        (TestNamespace _, EngineAttachment other) = Container(EngineCalls.GoCniPorts((8080, 80, "tcp", "")));
        Warm(_bridge, blue);
        Snapshot before = Snapshot.Take(Host, except: ["nerdctl0", "br-16477688c0e0"]);
        EngineAttachment second = first with { IfName = "eth1" };
        using EchoServer inside = EchoServer.Tcp(web, 80);

        _bridge.Add(first).Check();
        blue.Add(second).Check();

        Assert.NotNull(EchoServer.AskTcp(_node.Outside, HostAddress, 8080));
        blue.Add(other).Failed(7, "8080", first.Id);
        blue.Delete(other).Check();
        blue.Delete(second).Check();
        Assert.NotNull(EchoServer.AskTcp(_node.Outside, HostAddress, 8080)); // leads to the first network
        _bridge.Delete(first).Check();
        before.AssertSame(Snapshot.Take(Host, except: ["nerdctl0", "br-16477688c0e0"]));
    }

    [Fact]
    public void Without_icc_containers_of_one_bridge_do_not_reach_each_other()
    {
        // nerdctl network create --opt icc=false asks the plugin for its version first, on standard error, and takes 1.7.1 and later.
        CommandResult asked = Host.Run(Path.Combine(Plugin.OursDirectory, "firewall")).Check();
        Match version = Regex.Match(asked.StandardError, @"^CNI firewall plugin v(\d+\.\d+\.\d+)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?$", RegexOptions.Multiline);
        Assert.True(version.Success && Version.Parse(version.Groups[1].ValueSpan) >= new Version(1, 7, 1), asked.StandardError);
        JsonObject list = EngineCalls.Read(Host, "nerdctl-bridge.conflist");
        list["plugins"]![2]!["ingressPolicy"] = "isolated";
        var isolated = new EngineCalls(Host, list);
        Warm(isolated);
        (TestNamespace one, EngineAttachment first) = Container();
        (TestNamespace two, EngineAttachment second) = Container();
        Snapshot before = Snapshot.Take(Host, except: "nerdctl0");

        isolated.Add(first).Check();
        isolated.Add(second).Check();

        one.Ping(FirewallHost.Outside4);
        one.Ping("10.4.0.1");
        Assert.NotEqual(0, one.Run("ping", "-c", "1", "-W", "1", two.Addresses("eth0")[0].Split('/')[0]).ExitCode);
        isolated.Delete(first).Check();
        isolated.Delete(second).Check();
        before.AssertSame(Snapshot.Take(Host, except: "nerdctl0"));
    }

    // A container's process, by which the hook finds the namespace.
    private (TestNamespace Container, EngineAttachment Attachment) Container(JsonObject? capabilities = null, string args = "")
    {
        TestNamespace container = Host.AddContainer();
        string path = $"/proc/{container.Start(["sleep", "infinity"]).Id}/ns/net";
        // It begins in our own namespace, as nsenter.
        Wait.Until("the process in its namespace", () => FileIdentity.Of(path) == FileIdentity.Of(container.Path));
        return (container, new EngineAttachment($"default-{EngineCalls.NewId()}", path, "eth0", args, capabilities));
    }

    // A namespace takes its veth pairs along when it goes.
    private static void End(TestNamespace container) => container.Run("ip", "link", "del", "eth0").Check();

    private void Warm(params EngineCalls[] networks)
    {
        foreach (EngineCalls network in networks)
        {
            (TestNamespace _, EngineAttachment each) = Container(EngineCalls.GoCniPorts((1, 1, "tcp", "")));
            network.Add(each).Check();
            network.Delete(each).Check();
        }
    }
}
