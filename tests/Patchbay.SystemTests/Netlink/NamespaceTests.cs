using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Netlink;

/// <summary>Namespaces, and what stays in them: sockets and directories of settings.</summary>
public class NamespaceTests
{
    [Fact]
    public void Settings_are_those_of_the_namespace_whichever_thread_asks()
    {
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        using var hostSpace = NetworkNamespace.Open(host.Path);
        using var containerSpace = NetworkNamespace.Open(container.Path);
        using var hostStack = NetworkStack.Open(hostSpace);
        using var containerStack = NetworkStack.Open(containerSpace);
        host.Run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1").Check();

        hostStack.Sysctl.Write("ipv4/ip_forward", "1");
        hostStack.Sysctl.Write("ipv4/conf/v0/proxy_arp", "1");
        hostStack.Sysctl.Write("ipv6/conf/v0/accept_dad", "0");
        containerStack.Sysctl.Ensure("ipv4/ip_forward", "0");
        containerStack.Sysctl.Ensure("ipv4/ping_group_range", "0\t100");

        Assert.Equal("1", Cat(host, "ipv4/ip_forward"));
        Assert.Equal("1", Cat(host, "ipv4/conf/v0/proxy_arp"));
        Assert.Equal("0", Cat(host, "ipv6/conf/v0/accept_dad"));
        Assert.Equal("0", Cat(container, "ipv4/ip_forward"));
        Assert.Equal("0\t100", Cat(container, "ipv4/ping_group_range"));
        Assert.Equal(("1", "0"), (hostStack.Sysctl.Read("ipv4/ip_forward"), containerStack.Sysctl.Read("ipv4/ip_forward")));

        // A link that is made later is found, by another thread too; one of another namespace is not.
        string? elsewhere = null;
        var thread = new Thread(() => elsewhere = hostStack.Sysctl.Read("ipv4/conf/v1/forwarding"));
        thread.Start();
        thread.Join();
        Assert.Equal("1", elsewhere);
        Assert.Null(containerStack.Sysctl.Read("ipv4/conf/v0/forwarding"));
        Assert.False(containerStack.Sysctl.TryWrite("ipv4/conf/v0/forwarding", "1"));
        Assert.Equal("write sysctl net/ipv4/conf/v0/forwarding: No such file or directory", Assert.Throws<NetlinkException>(() => containerStack.Sysctl.Write("ipv4/conf/v0/forwarding", "1")).Message);
        Assert.Equal("write sysctl net/ipv4/ip_forward: Invalid argument", Assert.Throws<NetlinkException>(() => containerStack.Sysctl.Write("ipv4/ip_forward", "no number")).Message);

        // The route sockets are where they were opened as well.
        Assert.NotNull(hostStack.Route.FindLink("v0"));
        Assert.Null(containerStack.Route.FindLink("v0"));
    }

    [Fact]
    public void Thread_that_visits_by_itself_comes_home_also_from_a_failure()
    {
        using TestHost host = TestHost.Create();
        using var space = NetworkNamespace.Open(host.Path);
        // On a thread of the test's own: the runner's are from a pool.
        OnOwnThread(() =>
        {
            using var home = NetworkNamespace.OpenCurrent();
            using (var inside = space.RunHere(home, NetworkNamespace.OpenCurrent))
                Assert.True(inside.IsSameAs(space));
            using (var after = NetworkNamespace.OpenCurrent())
                Assert.True(after.IsSameAs(home));
            Assert.Throws<InvalidOperationException>(() => space.RunHere<int>(home, () => throw new InvalidOperationException()));
            using (var after = NetworkNamespace.OpenCurrent())
                Assert.True(after.IsSameAs(home));
            using var stack = NetworkStack.OpenFrom(home, space);
            Assert.Single(stack.Route.ListLinks());
        });
    }

    [Fact]
    public void Namespace_is_entered_by_a_thread_of_its_own()
    {
        using TestHost host = TestHost.Create();
        using var space = NetworkNamespace.Open(host.Path);
        using var before = NetworkNamespace.OpenCurrent();
        int caller = Environment.CurrentManagedThreadId;

        Assert.True(space.Run(() =>
        {
            using var inside = NetworkNamespace.OpenCurrent();
            return inside.IsSameAs(space) && Environment.CurrentManagedThreadId != caller;
        }));
        Assert.Equal("oh", Assert.Throws<InvalidOperationException>(() => space.Run<int>(() => throw new InvalidOperationException("oh"))).Message);

        using var after = NetworkNamespace.OpenCurrent();
        Assert.True(after.IsSameAs(before));
        Assert.False(after.IsSameAs(space));
        using var again = NetworkNamespace.Open(host.Path);
        Assert.True(again.IsSameAs(space));
    }

    [Fact]
    public void Socket_of_a_namespace_outlives_its_name_and_its_handle()
    {
        RouteSocket route;
        using (TestHost host = TestHost.Create())
        {
            using var space = NetworkNamespace.Open(host.Path);
            route = RouteSocket.Open(space);
        }

        using (route)
            Assert.Equal("lo", Assert.Single(route.ListLinks()).Name);
    }

    [Fact]
    public void What_is_no_network_namespace_is_refused_by_name()
    {
        using TestHost host = TestHost.Create();
        string file = Path.Combine(host.Directory, "file");
        File.WriteAllText(file, "");

        Assert.Contains($"no network namespace at \"{file}0\"", Assert.Throws<FileNotFoundException>(() => NetworkNamespace.Open(file + "0")).Message, StringComparison.Ordinal);
        Assert.Throws<FileNotFoundException>(() => NetworkNamespace.Open(Path.Combine(file, "below")));
        Assert.Contains("not a namespace: unknown FS magic", Assert.Throws<NetlinkException>(() => NetworkNamespace.Open(file)).Message, StringComparison.Ordinal);
        Assert.Contains("not a namespace", Assert.Throws<NetlinkException>(() => NetworkNamespace.Open("/proc/self/status")).Message, StringComparison.Ordinal);
        Assert.Contains("a namespace of another kind (0x4000000)", Assert.Throws<NetlinkException>(() => NetworkNamespace.Open("/proc/self/ns/uts")).Message, StringComparison.Ordinal);
    }

    // A process's view of /proc/sys/net is that of its own namespace, so this is asked of a program that runs there.
    private static void OnOwnThread(Action action)
    {
        Exception? failure = null;
        var thread = new Thread(() => failure = Record.Exception(action));
        thread.Start();
        thread.Join();
        Assert.Null(failure);
    }

    private static string Cat(TestNamespace space, string setting) => space.Run("cat", $"/proc/sys/net/{setting}").Check().StandardOutput.TrimEnd('\n');
}
