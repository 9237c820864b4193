using Patchbay.Cni.Model;
using Patchbay.Plugins.Main.HostDevice;

namespace Patchbay.Tests.Devices;

/// <summary>Which interface belongs to a device, and that no configuration leads out of sysfs.</summary>
public sealed class SysfsDevicesTests : IDisposable
{
    private readonly SysfsTree _tree = new();

    private SysfsDevices Devices => _tree.Devices;

    public void Dispose() => _tree.Dispose();

    [Fact]
    public void Interfaces_of_a_PCI_device_are_in_order() => Assert.Equal(["ens1f0", "ens1f1"], Devices.InterfacesOfPci(SysfsTree.Card));

    [Fact]
    public void A_virtio_device_is_one_level_deeper() => Assert.Equal(["ens4"], Devices.InterfacesOfPci(SysfsTree.VirtioCard));

    [Fact]
    public void A_device_that_is_gone_has_no_interfaces()
    {
        Assert.False(Devices.HasPci("0000:99:00.0"));
        Assert.Empty(Devices.InterfacesOfPci("0000:99:00.0"));
        Assert.False(Devices.IsDrivenByUser("0000:99:00.0"));
        Assert.Empty(Devices.InterfacesAt("/sys/devices/pci0000:00/0000:99:00.0"));
        Assert.Empty(Devices.InterfacesOfAuxiliary("mlx5_core.sf.5"));
    }

    [Fact]
    public void The_driver_tells_a_device_without_interface()
    {
        Assert.True(Devices.IsDrivenByUser(SysfsTree.UserCard));
        Assert.False(Devices.IsDrivenByUser(SysfsTree.Card));
        Assert.Equal("ixgbe", Devices.DriverOf(SysfsTree.Card));
        Assert.False(Devices.IsDrivenByUser(SysfsTree.BareCard));
        Assert.Null(Devices.DriverOf(SysfsTree.BareCard));
    }

    [Fact]
    public void A_subfunction_is_found_on_the_auxiliary_bus() => Assert.Equal(["sf4"], Devices.InterfacesOfAuxiliary(SysfsTree.Subfunction));

    [Fact]
    public void A_kernel_path_is_followed_within_the_devices()
    {
        Assert.Equal(["ens1f0", "ens1f1"], Devices.InterfacesAt($"/sys/devices/pci0000:00/{SysfsTree.Card}"));
        Assert.Equal(["ens4"], Devices.InterfacesAt($"/sys/devices/pci0000:00/{SysfsTree.Card}/sibling"));
    }

    [Fact]
    public void A_kernel_path_that_links_lead_out_of_the_devices_is_refused()
    {
        var error = Assert.Throws<CniException>(() => Devices.InterfacesAt($"/sys/devices/pci0000:00/{SysfsTree.Card}/subsystem"));
        Assert.Equal(CniError.InvalidNetworkConfig, error.Code);
        Assert.Contains("class/net", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("0000:00:1f.6", true)]
    [InlineData("0000:AF:1f.7", true)]
    [InlineData("10000:e1:00.0", true)] // behind Intel VMD
    [InlineData("00:1f.6", false)]
    [InlineData("000:00:1f.6", false)]
    [InlineData("123456789:00:1f.6", false)]
    [InlineData("0000:00:1f.8", false)]
    [InlineData("0000:00:20.0", false)]
    [InlineData("0000:00:1f.", false)]
    [InlineData("0000:00:1f.66", false)]
    [InlineData("0000:0g:1f.6", false)]
    [InlineData("0000.00.1f:6", false)]
    [InlineData("../../../../etc", false)]
    [InlineData("0000:00:1f.6/..", false)]
    [InlineData("0000:00:1f.6\0", false)]
    [InlineData("0000:00:..f6", false)]
    [InlineData("", false)]
    [InlineData(":", false)]
    public void PCI_addresses(string text, bool valid) => Assert.Equal(valid, SysfsDevices.IsPciAddress(text));

    [Theory]
    [InlineData("mlx5_core.sf.4", true)]
    [InlineData("ice.sf-1", true)]
    [InlineData("..", false)]
    [InlineData(".hidden", false)]
    [InlineData("a..b", false)]
    [InlineData("a/b", false)]
    [InlineData("a b", false)]
    [InlineData("a\0", false)]
    [InlineData("", false)]
    public void Names_on_the_auxiliary_bus(string text, bool valid) => Assert.Equal(valid, SysfsDevices.IsAuxiliaryName(text));

    [Theory]
    [InlineData("/sys/devices/pci0000:00/0000:00:1f.6", true)]
    [InlineData("/sys/devices/", true)]
    [InlineData("/sys/devices", false)]
    [InlineData("/sys/devicesX/a", false)]
    [InlineData("/sys/devices/../class", false)]
    [InlineData("/sys/devices/./a", false)]
    [InlineData("/sys/devices/a/..", false)]
    [InlineData("sys/devices/a", false)]
    [InlineData("/etc", false)]
    [InlineData("/sys/devices/a\0/b", false)]
    public void Kernel_paths(string text, bool valid) => Assert.Equal(valid, SysfsDevices.IsKernelPath(text));
}
