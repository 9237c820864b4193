using Patchbay.Lab.Ovs;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Lab.Ovs;

/// <summary>Bridges and ports that a lab makes in a real Open vSwitch, judged by ovs-vsctl(8), ovs-appctl(8) and ping(8).</summary>
public sealed class OpenVswitchTests : IDisposable
{
    private readonly OvsHost _ovs = new();

    public void Dispose() => _ovs.Dispose();

    // Two methods, for each kernel has one of them.
    [Fact]
    public Task Bridge_of_the_user_space_switch_joins_two_containers_and_goes()
    {
        Needs.Tun();
        return JoinAsync(OvsBridge.UserDatapath);
    }

    [Fact]
    public Task Bridge_of_the_kernel_joins_two_containers_and_goes()
    {
        Needs.OpenVswitchModule();
        return JoinAsync(OvsBridge.KernelDatapath);
    }

    private async Task JoinAsync(string datapath)
    {
        TestNamespace[] containers = [_ovs.Host.AddContainer(), _ovs.Host.AddContainer()];
        using OpenVswitch lab = await OpenVswitch.ConnectAsync("mine", _ovs.Socket, default);
        await lab.AddBridgeAsync(new OvsBridge { Name = "lan", Datapath = datapath, SpanningTree = false, DatapathId = "00000000000000aa", Protocols = ["OpenFlow10", "OpenFlow13"] }, default);
        for (int i = 0; i < containers.Length; i++)
        {
            _ovs.Host.Run("ip", "link", "add", $"p{i}", "type", "veth", "peer", "name", "eth0", "netns", containers[i].Name).Check();
            _ovs.Host.Run("ip", "link", "set", $"p{i}", "up").Check();
            containers[i].Run("ip", "addr", "add", $"10.7.0.{i + 1}/24", "dev", "eth0").Check();
            containers[i].Run("ip", "link", "set", "eth0", "up").Check();
            await lab.AddPortAsync("lan", $"p{i}", (ushort)(10 + i), default);
        }

        // A user-space switch neither fills in nor checks what a veth leaves to hardware; that is of no matter to ICMP.
        containers[0].Run("ping", "-c", "2", "-W", "10", "10.7.0.2").Check();
        Assert.Equal("standalone", Get("Bridge", "lan", "fail_mode"));
        Assert.Equal(datapath, Get("Bridge", "lan", "datapath_type"));
        Assert.Equal("\"00000000000000aa\"", Get("Bridge", "lan", "datapath_id"));
        Assert.Equal("[OpenFlow10, OpenFlow13]", Get("Bridge", "lan", "protocols"));
        Assert.Equal("10 11", $"{Get("Interface", "p0", "ofport")} {Get("Interface", "p1", "ofport")}");
        Assert.Equal("p0\np1\n", _ovs.Vsctl("list-ports", "lan").Check().StandardOutput);
        Assert.Contains("p1 11/", _ovs.Appctl("dpif/show").Check().StandardOutput, StringComparison.Ordinal);
        OvsBridge listed = Assert.Single(await lab.ListBridgesAsync(default));
        Assert.Equal(("lan", datapath, "p0 p1"), (listed.Name, listed.Datapath, string.Join(' ', listed.Ports)));

        Assert.True(await lab.DeletePortAsync("lan", "p0", default));
        Assert.False(await lab.DeletePortAsync("lan", "p0", default));
        Assert.Equal("p1\n", _ovs.Vsctl("list-ports", "lan").Check().StandardOutput);
        Assert.True(await lab.DeleteBridgeAsync("lan", default));
        Assert.False(await lab.DeleteBridgeAsync("lan", default));
        Assert.Equal("", _ovs.Vsctl("list-br").Check().StandardOutput);
        Assert.Equal("", _ovs.Vsctl("--bare", "--columns=name", "list", "Interface").Check().StandardOutput);
        Assert.False(_ovs.Host.HasLink("lan"));
    }

    [Fact]
    public async Task Bridges_of_others_are_left_alone()
    {
        Needs.Tun();
        _ovs.Vsctl("add-br", "theirs", "--", "set", "bridge", "theirs", "datapath_type=netdev").Check();
        using OpenVswitch lab = await OpenVswitch.ConnectAsync("mine", _ovs.Socket, default), other = await OpenVswitch.ConnectAsync("other", _ovs.Socket, default);

        Assert.Contains("add bridge \"theirs\" with datapath_type netdev: Open vSwitch has one of that name already", await Refused(lab.AddBridgeAsync(Netdev("theirs"), default)), StringComparison.Ordinal);
        Assert.Contains("no such bridge of this lab", await Refused(lab.AddPortAsync("theirs", "p0", null, default)), StringComparison.Ordinal);
        Assert.False(await lab.DeleteBridgeAsync("theirs", default));
        await other.AddBridgeAsync(Netdev("others") with { SpanningTree = true }, default);
        Assert.False(await lab.DeleteBridgeAsync("others", default));
        Assert.Empty(await lab.ListBridgesAsync(default));
        Assert.True(Assert.Single(await other.ListBridgesAsync(default)).SpanningTree);
        Assert.Equal("true", Get("Bridge", "others", "stp_enable"));
        Assert.Equal("others\ntheirs\n", _ovs.Vsctl("list-br").Check().StandardOutput);
        await other.DeleteBridgeAsync("others", default);
    }

    [Fact]
    public async Task What_the_switch_cannot_make_leaves_nothing()
    {
        using OpenVswitch lab = await OpenVswitch.ConnectAsync("mine", _ovs.Socket, default);
        Assert.Contains("with datapath_type nonsense", await Refused(lab.AddBridgeAsync(Netdev("lan") with { Datapath = "nonsense" }, default)), StringComparison.Ordinal);
        Assert.Equal("", _ovs.Vsctl("list-br").Check().StandardOutput);

        await lab.AddBridgeAsync(Netdev("lan"), default);
        Assert.Contains("add port \"no-such\" to bridge \"lan\": ", await Refused(lab.AddPortAsync("lan", "no-such", null, default)), StringComparison.Ordinal);
        Assert.Equal("", _ovs.Vsctl("list-ports", "lan").Check().StandardOutput);
        Assert.Contains("constraint violation", await Refused(lab.AddBridgeAsync(Netdev("more") with { Protocols = ["OpenFlow99"] }, default)), StringComparison.Ordinal);
        await lab.DeleteBridgeAsync("lan", default);
        Assert.Equal("", _ovs.Vsctl("list-br").Check().StandardOutput);
        Assert.Contains("no Open vSwitch at", await Refused(OpenVswitch.ConnectAsync("mine", _ovs.Socket + ".none", default)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Switch_that_does_not_run_is_told_of()
    {
        using OpenVswitch lab = await OpenVswitch.ConnectAsync("mine", _ovs.Socket, default);
        _ovs.StopSwitch();
        Assert.Contains("ovs-vswitchd does not carry out", await Refused(lab.AddBridgeAsync(Netdev("lan"), default)), StringComparison.Ordinal);
        Assert.Equal("", _ovs.Vsctl("--no-wait", "list-br").Check().StandardOutput);
    }

    // A bridge of the user-space switch has a tap for its own port.
    private static OvsBridge Netdev(string name)
    {
        Needs.Tun();
        return new OvsBridge { Name = name, Datapath = OvsBridge.UserDatapath };
    }

    private static async Task<string> Refused(Task task) => (await Assert.ThrowsAsync<OvsdbException>(() => task)).Message;

    private string Get(string table, string row, string column) => _ovs.Vsctl("get", table, row, column).Check().StandardOutput.Trim();
}
