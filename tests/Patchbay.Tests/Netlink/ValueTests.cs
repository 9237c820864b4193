using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Tests.Netlink;

public class ValueTests
{
    [Theory]
    [InlineData("0a:58:0a:01:02:03", true)]
    [InlineData("0A-58-0A-01-02-03", true)]
    [InlineData("0a:58:0a:01:02", false)]
    [InlineData("0a:58:0a:01:02:03:04", false)]
    [InlineData("0a:58-0a:01-02:03", false)]
    [InlineData("0a:58:0a:01:02:0g", false)]
    [InlineData("0a:58:0a:01:02: 3", false)]
    [InlineData("0a.58.0a.01.02.03", false)]
    [InlineData("", false)]
    public void Ethernet_address_is_parsed(string text, bool valid)
    {
        Assert.Equal(valid, MacAddress.TryParse(text, out var address));
        Assert.Equal(valid ? "0a:58:0a:01:02:03" : "00:00:00:00:00:00", address.ToString());
    }

    [Fact]
    public void Ethernet_address_has_six_bytes() => Assert.Throws<ArgumentException>(() => MacAddress.FromBytes([1, 2, 3]));

    [Theory]
    [InlineData("ipv4//etc/hostname")] // absolute for openat(2)
    [InlineData("ipv4/../../../../etc/hostname")]
    [InlineData("ipv4/conf/..")]
    [InlineData("ipv4/./ip_forward")]
    [InlineData("ipv4/")]
    [InlineData("ipv4/conf//forwarding")]
    [InlineData("ipv4/ip_forward\0x")]
    [InlineData("core/somaxconn")]
    [InlineData("/proc/sys/net/ipv4/ip_forward")]
    public void Setting_outside_its_directory_is_refused(string path)
    {
        using var settings = SysctlDirectory.Open();
        Assert.Throws<ArgumentException>(() => settings.Read(path));
        Assert.Throws<ArgumentException>(() => settings.TryWrite(path, "1"));
    }

    [Fact]
    public void Path_with_a_zero_is_no_namespace() => Assert.Throws<ArgumentException>(() => NetworkNamespace.Open("/proc/self/ns/net\0x"));
}
