using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Tests.Netlink;

public class RouteMonitorTests
{
    [Fact]
    public void Every_kind_of_change_is_handed_over()
    {
        var kernel = new ChannelDouble(d => [d]);
        using var monitor = new RouteMonitor(kernel);
        var changes = new List<RouteChange>();

        kernel.Send([.. Captured.Answers("link-show-veth")[0], .. Captured.Answers("addr-show")[0]]);
        kernel.Send([.. Captured.Answers("route-show")[0], .. Captured.Answers("rule-show")[1], .. WithType(Captured.Answers("neigh-show")[0], 29)]);

        Assert.True(monitor.Receive(-1, changes.Add));
        Assert.True(monitor.Receive(0, changes.Add));
        Assert.False(monitor.Receive(0, changes.Add)); // nothing more in time
        Assert.Equal([typeof(Link), typeof(InterfaceAddress), typeof(Route), typeof(Rule), typeof(Neighbour)], changes.Select(c => c.Subject.GetType()));
        Assert.Equal([false, false, false, false, true], changes.Select(c => c.Deleted));
    }

    [Fact]
    public void Link_that_leaves_its_bridge_is_not_reported_as_deleted()
    {
        var kernel = new ChannelDouble(d => [d]);
        using var monitor = new RouteMonitor(kernel);

        kernel.Send(WithType(Captured.Answers("vlan-show")[1], 17)); // RTM_DELLINK, family AF_BRIDGE

        Assert.True(monitor.Receive(0, change => Assert.Fail($"{change}")));
    }

    private static byte[] WithType(byte[] message, byte type)
    {
        var changed = (byte[])message.Clone();
        changed[4] = type;
        return changed;
    }
}
