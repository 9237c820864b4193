using System.Text.RegularExpressions;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;

namespace Patchbay.SystemTests.Engines;

/// <summary>Nomad's calls for <c>network { mode = "bridge" }</c> (docs/engines/nomad.md).</summary>
public sealed class NomadTests : IDisposable
{
    private const string HostAddress = "198.51.100.1";

    private readonly FirewallHost _node = new();
    private readonly EngineCalls _nomad;

    public NomadTests()
    {
        Plugin.NeedsOurs("loopback", "portmap");
        _nomad = new EngineCalls(Host, EngineCalls.Read(Host, "nomad.conflist"));
        // Before each allocation Nomad sees to its own chain, with the iptables of the machine.
        Host.Run("iptables", "-N", "NOMAD-ADMIN").Check();
        Host.Run("iptables", "-A", "NOMAD-ADMIN", "-o", "nomad", "-d", "172.26.64.0/20", "-j", "ACCEPT").Check();
    }

    private TestHost Host => _node.Host;

    public void Dispose() => _node.Dispose();

    [Fact]
    public void Every_file_in_cni_path_tells_a_version_that_jobs_can_ask_for()
    {
        // Nomad starts each without arguments and takes the first word that is a version; jobs then want bridge, firewall, … from 0.4.0 on, CHECK from 1.2.0 on.
        foreach (string type in (string[])["bridge", "firewall", "host-local", "loopback", "portmap"])
        {
            CommandResult asked = Host.Run(Path.Combine(Plugin.OursDirectory, type)).Check();
            string word = asked.StandardError.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).First(each => Regex.IsMatch(each, @"^v?\d+(\.\d+)*(-[0-9A-Za-z.~-]+)?(\+[0-9A-Za-z.~-]+)?$"));
            Assert.True(Version.Parse(word.TrimStart('v').Split('+', '-')[0]) >= new Version(1, 2, 0), word);
        }
    }

    [Fact]
    public void An_allocation_is_reached_where_nothing_is_forwarded_and_leaves_nothing()
    {
        _node.DropForwarded();
        TestNamespace alloc = Host.AddContainer(), other = Host.AddContainer();
        EngineAttachment first = Allocation(alloc, 23456), second = Allocation(other, 23457);
        Warm(Host.AddContainer());
        Host.Containers[^1].Run("ip", "link", "set", "lo", "up").Check();
        Snapshot before = Snapshot.Take(Host, except: "nomad");

        PluginResult added = _nomad.Add(first).Check();
        _nomad.Add(second).Check();

        Assert.Equal("0.4.0", added.Json.Text("cniVersion"));
        Assert.Equal(["172.26.64.1/20"], Host.Addresses("nomad"));
        using (EchoServer tcp = EchoServer.Tcp(alloc, 23456), udp = EchoServer.Udp(alloc, 23456))
        {
            Assert.Equal(FirewallHost.Outside4, EchoServer.AskTcp(_node.Outside, HostAddress, 23456));
            Assert.Equal(FirewallHost.Outside4, EchoServer.AskUdp(_node.Outside, HostAddress, 23456));
        }

        alloc.Ping(FirewallHost.Outside4);
        alloc.Ping(other.Addresses("eth0")[0].Split('/')[0]);
        Assert.Contains("-A CNI-FORWARD -m comment --comment \"CNI firewall plugin admin overrides\" -j NOMAD-ADMIN", Host.Run("iptables", "-S").Check().StandardOutput, StringComparison.Ordinal);
        // The client was restarted: CHECK, with the same arguments.
        Assert.All(_nomad.Check(first), check => check.Check());

        // Teardown tells ports, but no arguments.
        _nomad.Delete(first with { Args = "" }).Check();
        _nomad.Delete(second with { Args = "" }).Check();
        _nomad.Delete(second with { Args = "" }).Check();
        AssertNothingLeft(before);
    }

    [Fact]
    public void Arguments_of_a_job_and_of_a_transparent_proxy_are_passed_over()
    {
        TestNamespace alloc = Host.AddContainer();
        // JSON in CNI_ARGS, for the consul-cni plugin; and what the job's author wrote into cni { args }.
        const string Consul = """CONSUL_IPTABLES_CONFIG={"ConsulDNSIP":"172.26.64.1","ConsulDNSPort":0,"ProxyUserID":"101","ProxyInboundPort":23456,"ExcludeOutboundCIDRs":["10.0.0.0/8"],"NetNS":"/var/run/netns/a"}""";
        EngineAttachment attachment = Allocation(alloc, 23456) with { Args = $"IgnoreUnknown=true;{Consul};nomad.region=eu-1;COLOUR=blue" };

        _nomad.Add(attachment).Check();
        Assert.All(_nomad.Check(attachment), check => check.Check());
        _nomad.Delete(attachment).Check();
    }

    [Fact]
    public void A_setup_that_is_tried_three_times_can_be_taken_back()
    {
        TestNamespace alloc = Host.AddContainer(), holder = Host.AddContainer();
        EngineAttachment held = Allocation(holder, 23456), tried = Allocation(alloc, 23456);
        Warm(Host.AddContainer());
        _nomad.Add(held).Check();
        Host.Containers[^1].Run("ip", "link", "set", "lo", "up").Check();
        Snapshot before = Snapshot.Take(Host, except: "nomad");

        // The port is another allocation's. Nomad calls ADD again, up to three times, without a DEL in between.
        _nomad.Add(tried).Failed(7, held.Id);
        _nomad.Add(tried).Failed(999, "eth0");
        _nomad.Add(tried).Failed(999, "eth0");
        _nomad.Delete(tried with { Args = "" }).Check();

        AssertNothingLeft(before);
        using EchoServer inside = EchoServer.Tcp(holder, 23456);
        Assert.Equal(FirewallHost.Outside4, EchoServer.AskTcp(_node.Outside, HostAddress, 23456));
    }

    [Fact]
    public void Nomads_own_cleaning_finds_our_masquerading_rules()
    {
        TestNamespace alloc = Host.AddContainer();
        EngineAttachment attachment = Allocation(alloc, 23456);
        Warm(Host.AddContainer());
        Host.Containers[^1].Run("ip", "link", "set", "lo", "up").Check();
        Snapshot before = Snapshot.Take(Host, except: "nomad");
        _nomad.Add(attachment).Check();

        // When cni.Remove fails, it looks for this line, deletes it, and then the chain that it names.
        string listed = Host.Run("iptables", "-t", "nat", "-S", "POSTROUTING").Check().StandardOutput;
        Match line = Regex.Match(listed, $"""-A POSTROUTING -s (\S+) -m comment --comment "name: \\"nomad\\" id: \\"{attachment.Id}\\"" -j (CNI-[0-9a-f]+)""");
        Assert.True(line.Success, listed);
        Host.Run("iptables", "-t", "nat", "-D", "POSTROUTING", "-s", line.Groups[1].Value, "-m", "comment", "--comment", $"name: \"nomad\" id: \"{attachment.Id}\"", "-j", line.Groups[2].Value).Check();
        Host.Run("iptables", "-t", "nat", "-F", line.Groups[2].Value).Check();
        Host.Run("iptables", "-t", "nat", "-X", line.Groups[2].Value).Check();

        _nomad.Delete(attachment with { Args = "" }).Check();
        AssertNothingLeft(before);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_namespace_that_is_gone_does_not_keep_anything(bool forgotten)
    {
        TestNamespace alloc = Host.AddContainer();
        EngineAttachment attachment = Allocation(alloc, 23456);
        Warm(Host.AddContainer());
        Host.Containers[^1].Run("ip", "link", "set", "lo", "up").Check();
        Snapshot before = Snapshot.Take(Host, except: "nomad");
        _nomad.Add(attachment).Check();
        alloc.Run("ip", "link", "del", "eth0").Check();
        if (forgotten)
            _nomad.Forget(attachment);

        _nomad.Delete(attachment with { Args = "", Netns = $"/var/run/netns/{attachment.Id}" }).Check();

        AssertNothingLeft(before);
    }

    // The id is the allocation's; each port is mapped for both protocols, at the address of the node.
    private static EngineAttachment Allocation(TestNamespace alloc, int port) => new(
        Guid.NewGuid().ToString(), alloc.Path, "eth0", "IgnoreUnknown=true",
        EngineCalls.GoCniPorts((port, port, "tcp", HostAddress), (port, port, "udp", HostAddress)));

    // DEL of loopback leaves lo down, where the harness has it up.
    private void AssertNothingLeft(Snapshot before)
    {
        foreach (TestNamespace each in Host.Containers)
            each.Run("ip", "link", "set", "lo", "up").Check();
        before.AssertSame(Snapshot.Take(Host, except: "nomad"));
    }

    private void Warm(TestNamespace container)
    {
        EngineAttachment each = Allocation(container, 1);
        _nomad.Add(each).Check();
        _nomad.Delete(each).Check();
    }
}
