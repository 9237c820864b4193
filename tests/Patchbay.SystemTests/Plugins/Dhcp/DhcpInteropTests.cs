using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Dhcp;

/// <summary>The same server asked by Debian's dhcp and its daemon, and by ours.</summary>
public sealed class DhcpInteropTests : IDisposable
{
    private readonly DhcpLan _lan = new();

    public void Dispose() => _lan.Dispose();

    [Theory]
    [InlineData("0.3.1")]
    [InlineData("1.0.0")]
    public void The_server_sees_one_client_and_the_result_is_the_same_but_for_dns(string version)
    {
        ProgramLog server = _lan.Dnsmasq("--dhcp-option=33,192.0.2.1,10.5.0.4", "--dhcp-option=121,0.0.0.0/0,10.5.0.2,198.51.100.0/24,10.5.0.3", "--dhcp-option=6,9.9.9.9");
        TestNamespace container = _lan.Host.AddContainer();
        // Both ask for option 121: the reference does so only if told.
        string config = _lan.Config("""{ "request": [{ "option": "121" }] }""", version: version);

        (PluginResult theirs, string theirLease) = Theirs(config, container);
        Assert.Equal(0, server.Count("DHCPRELEASE")); // its bridge deletes the link first, and it releases from 0.0.0.0
        _lan.Daemon();
        PluginResult ours = _lan.Plugin.Add(container, config, containerId: "c1").Check();

        Assert.Equal(theirLease, Client()); // the same client id, and so the same address
        Assert.Equal(Conf.Comparable(WithoutDns(theirs), container), Conf.Comparable(WithoutDns(ours), container));
        Assert.Equal("9.9.9.9", ours.Json.GetProperty("dns").GetProperty("nameservers")[0].GetString());
    }

    [Fact]
    public void A_main_plugin_of_Debian_can_use_ours()
    {
        _lan.Dnsmasq();
        ProgramLog daemon = _lan.Daemon();
        string mixed = Path.Combine(_lan.Host.Directory, "bin");
        Directory.CreateDirectory(mixed);
        Plugin debian = ReferencePlugins.Plugin(_lan.Host, "bridge");
        File.CreateSymbolicLink(Path.Combine(mixed, "bridge"), Path.Combine(debian.Directory, "bridge"));
        File.CreateSymbolicLink(Path.Combine(mixed, "dhcp"), Path.Combine(Plugin.OursDirectory, "dhcp"));
        var bridge = new Plugin(_lan.Host, "bridge", mixed);
        TestNamespace container = _lan.Host.AddContainer();
        Snapshot before = Snapshot.Take(_lan.Host);
        string config = _lan.Config(version: "1.0.0");

        PluginResult added = bridge.Add(container, config).Check();
        bridge.Check(container, Conf.WithResult(config, added)).Check();
        bridge.Delete(container, Conf.WithResult(config, added)).Check();

        daemon.WaitFor("the server cannot be told"); // Debian's bridge deletes the link before it calls the IPAM
        Assert.Empty(_lan.Leases);
        before.AssertSame(Snapshot.Take(_lan.Host));
    }

    // Theirs and its daemon, to the end.
    private (PluginResult Added, string Lease) Theirs(string config, TestNamespace container)
    {
        Plugin reference = ReferencePlugins.Plugin(_lan.Host, "bridge");
        var daemon = _lan.Host.Start([Path.Combine(reference.Directory, "dhcp"), "daemon", "-socketpath", _lan.Socket]);
        // Its socket is there a moment after it starts, and it says nothing.
        _lan.Host.Run("sh", "-c", $"until [ -S '{_lan.Socket}' ]; do :; done").Check();
        PluginResult added = reference.Add(container, config, containerId: "c1").Check();
        string lease = Client();
        reference.Delete(container, config, containerId: "c1").Check();
        daemon.Kill();
        daemon.WaitForExit();
        File.Delete(_lan.Socket);
        return (added, lease);
    }

    private string Client() => string.Join(' ', _lan.ServerLeases.Split('\n').Select(line => line.Split(' ')).Where(fields => fields.Length == 5).Select(fields => $"{fields[2]} {fields[4]}"));

    private static CommandResult WithoutDns(PluginResult added)
    {
        JsonObject result = JsonNode.Parse(added.StandardOutput)!.AsObject();
        result.Remove("dns");
        return added with { StandardOutput = result.ToJsonString() };
    }
}
