using Patchbay.Cni.Model;
using Patchbay.Plugins.Meta.Tuning;

namespace Patchbay.Tests.Tuning;

/// <summary>Names of settings: dots or slashes, and nothing outside of /proc/sys/net.</summary>
public class SysctlSettingTests
{
    [Theory]
    [InlineData("net.core.somaxconn", "eth0", "core/somaxconn")]
    [InlineData("net/core/somaxconn", "eth0", "core/somaxconn")]
    [InlineData("net.ipv4.conf.IFNAME.arp_filter", "eth0", "ipv4/conf/eth0/arp_filter")]
    [InlineData("net.ipv4.conf.IFNAME.arp_filter", "eth0.5", "ipv4/conf/eth0.5/arp_filter")]
    [InlineData("net/ipv4/conf/IFNAME/arp_filter", "eth0.5", "ipv4/conf/eth0.5/arp_filter")]
    [InlineData("net/ipv4/conf/eth0.5/arp_filter", "eth0", "ipv4/conf/eth0.5/arp_filter")]
    [InlineData("net.ipv4.conf.eth0/5.arp_filter", "eth0", "ipv4/conf/eth0.5/arp_filter")]
    [InlineData("net.ipv4.conf.IFNAME.IFNAME", "eth0", "ipv4/conf/eth0/IFNAME")] // once, as the reference
    [InlineData("net.ipv4.conf.IFNAME.x", "IFNAME", "ipv4/conf/IFNAME/x")]
    [InlineData("net.ipv4.conf.IFNAME.x", "", "ipv4/conf/IFNAME/x")] // STATUS: nobody knows the name yet
    [InlineData("net.nf_conntrack_max", "eth0", "nf_conntrack_max")]
    [InlineData("net.ipv4.a..b", "eth0", null)]
    public void Path_of_a_name(string key, string ifName, string? path)
    {
        if (path is null)
            Assert.Throws<CniException>(() => SysctlSetting.Parse(key, "1", ifName));
        else
            Assert.Equal(path, SysctlSetting.Parse(key, "1", ifName).Path);
    }

    [Theory]
    [InlineData("")]
    [InlineData("net")]
    [InlineData("net.")]
    [InlineData("net/")]
    [InlineData("net//")]
    [InlineData("netx.core.somaxconn")]
    [InlineData("kernel.hostname")]
    [InlineData("kernel/hostname")]
    [InlineData("/proc/sys/net/core/somaxconn")]
    [InlineData("/net/core/somaxconn")]
    [InlineData(".net.core.somaxconn")]
    [InlineData("net/../kernel/hostname")]
    [InlineData("net/core/../../kernel/hostname")]
    [InlineData("net.core.//.//.kernel.hostname")] // slashes are dots here: net/core/../../kernel/hostname
    [InlineData("net./.x")]
    [InlineData("net/./core/somaxconn")]
    [InlineData("net//core/somaxconn")]
    [InlineData("net/core/somaxconn/")]
    [InlineData("net.core.somaxconn.")]
    [InlineData("net/core/somaxconn\0")]
    [InlineData("net/core/somaxconn\n")]
    [InlineData("net core somaxconn")]
    [InlineData("net/core/some conn")]
    public void Nothing_leaves_the_directory(string key)
    {
        var error = Assert.Throws<CniException>(() => SysctlSetting.Parse(key, "1", "eth0"));
        Assert.Equal((CniError.InvalidNetworkConfig, $"invalid net sysctl key: \"{key}\""), (error.Code, error.Message));
    }

    [Theory]
    [InlineData("1\n0")]
    [InlineData("1\n")]
    [InlineData("1\r")]
    [InlineData("\0")]
    [InlineData("\u0085")]
    public void Values_are_one_line(string value) =>
        Assert.Contains("net.core.somaxconn", Assert.Throws<CniException>(() => SysctlSetting.Parse("net.core.somaxconn", value, "eth0")).Message, StringComparison.Ordinal);

    [Fact]
    public void Values_have_tabs_and_an_end()
    {
        Assert.Equal("4096\t8192 16384", SysctlSetting.Parse("net.ipv4.tcp_rmem", "4096\t8192 16384", "eth0").Value);
        Assert.Throws<CniException>(() => SysctlSetting.Parse("net.ipv4.tcp_rmem", new string('1', 4096), "eth0"));
    }
}
