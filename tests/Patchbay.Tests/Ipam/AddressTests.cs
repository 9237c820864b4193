using Patchbay.Plugins.Ipam.HostLocal;

namespace Patchbay.Tests.Ipam;

public sealed class AddressTests
{
    [Theory]
    [InlineData("10.1.0.2", "10.1.0.2")]
    [InlineData("0.0.0.0", "0.0.0.0")]
    [InlineData("255.255.255.255", "255.255.255.255")]
    [InlineData("FD00:0:0::2", "fd00::2")]
    [InlineData("::", "::")]
    [InlineData("::1", "::1")]
    [InlineData("1::", "1::")]
    [InlineData("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1")]
    [InlineData("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1")]
    [InlineData("0:0:1:2:3:4:5:6", "::1:2:3:4:5:6")]
    [InlineData("fd00::5efe:10.0.0.1", "fd00::5efe:a00:1")]
    [InlineData("::10.0.0.1", "::a00:1")]
    [InlineData("::ffff:10.0.0.1", "10.0.0.1")]
    [InlineData("ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe")]
    public void Text_is_canonical(string text, string canonical)
    {
        Assert.True(Address.TryParse(text, out var address));
        Assert.Equal(canonical, address.ToString());
        Assert.Equal(address, Address.From(address.ToIPAddress()));
        Assert.True(Address.TryParse(canonical, out var again));
        Assert.Equal(address, again);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("10.1.0")]
    [InlineData("10.1.0.")]
    [InlineData("10.1.0.2.3")]
    [InlineData("10.1.0.256")]
    [InlineData("10.1.0.02")]
    [InlineData("0x0a.1.0.2")]
    [InlineData("10.1.0.2/24")]
    [InlineData(" 10.1.0.2")]
    [InlineData("[fd00::1]")]
    [InlineData("fd00::1%eth0")]
    [InlineData("fd00::1::2")]
    [InlineData("../../etc")]
    public void Anything_else_is_refused(string text) => Assert.False(Address.TryParse(text, out _));

    [Theory]
    [InlineData("10.1.0.2", true)]
    [InlineData("fd00::2", true)]
    [InlineData("FD00::2", false)]
    [InlineData("fd00:0::2", false)]
    [InlineData("lock", false)]
    [InlineData("last_reserved_ip.0", false)]
    [InlineData("..", false)]
    public void Only_canonical_names_are_reservations(string name, bool expected)
        => Assert.Equal(expected, Address.TryParseFileName(System.Text.Encoding.UTF8.GetBytes(name), out _));
}
