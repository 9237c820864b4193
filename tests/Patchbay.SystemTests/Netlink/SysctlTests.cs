using Patchbay.Netlink;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Netlink;

/// <summary>Settings of any part of net, in the namespace of the thread that asks, judged by cat(1).</summary>
public class SysctlTests
{
    [Fact]
    public void Settings_are_those_of_the_namespace()
    {
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        using var space = NetworkNamespace.Open(container.Path);
        string outside = Cat(host, "core/somaxconn");

        space.Run(() => Sysctl.TryWrite("core/somaxconn", "123") && Sysctl.TryWrite("ipv4/conf/lo/arp_filter", "1"));

        Assert.Equal(("123", outside), (Cat(container, "core/somaxconn"), Cat(host, "core/somaxconn")));
        Assert.Equal("1", Cat(container, "ipv4/conf/lo/arp_filter"));
        Assert.Equal("123", space.Run(() => Sysctl.Read("core/somaxconn")));
        Assert.Null(space.Run(() => Sysctl.Read("core/no_such_thing")));
        Assert.Null(space.Run(() => Sysctl.Read("core/somaxconn/below")));
        Assert.False(space.Run(() => Sysctl.TryWrite("core/no_such_thing", "1")));
        Assert.Contains("ip_default_ttl", Assert.Throws<NetlinkException>(() => space.Run(() => Sysctl.TryWrite("ipv4/ip_default_ttl", "x"))).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../kernel/hostname")]
    [InlineData("core/../../kernel/hostname")]
    [InlineData("/kernel/hostname")]
    [InlineData("core//somaxconn")]
    [InlineData("core/somaxconn\0")]
    [InlineData("")]
    public void Nothing_leaves_the_directory(string path) => Assert.Throws<ArgumentException>(() => Sysctl.Read(path));

    private static string Cat(TestNamespace space, string path) => space.Run("cat", $"/proc/sys/net/{path}").Check().StandardOutput.Trim();
}
