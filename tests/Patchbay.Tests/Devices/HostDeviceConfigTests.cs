using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Main.HostDevice;

namespace Patchbay.Tests.Devices;

/// <summary>The keys of host-device: what they name, which wins, and what they may not be.</summary>
public sealed class HostDeviceConfigTests : IDisposable
{
    private readonly SysfsTree _tree = new();

    public void Dispose() => _tree.Dispose();

    [Fact]
    public void A_device_of_the_runtime_wins_over_the_address_of_the_configuration()
    {
        var config = Read($$"""{ "pciBusID": "0000:3B:00.1", "runtimeConfig": { "deviceID": "{{SysfsTree.VirtioCard}}" } }""");
        Assert.Equal((SysfsTree.VirtioCard, null), (config.PciBusId, config.AuxiliaryDevice));

        config = Read($$"""{ "pciBusID": "{{SysfsTree.Card}}", "runtimeConfig": { "deviceID": "{{SysfsTree.Subfunction}}" } }""");
        Assert.Equal((null, SysfsTree.Subfunction), (config.PciBusId, config.AuxiliaryDevice));
    }

    [Fact]
    public void PCI_addresses_are_in_lower_case_as_in_sysfs() => Assert.Equal("0000:3b:00.1", Read("""{ "pciBusID": "0000:3B:00.1" }""").PciBusId);

    [Theory]
    [InlineData("{}", "specify either \"device\", \"hwaddr\", \"kernelpath\" or \"pciBusID\"")]
    [InlineData("""{ "device": "" }""", "specify either")]
    [InlineData("""{ "device": "a/b" }""", "a/b")]
    [InlineData("""{ "device": ".." }""", "..")]
    [InlineData("""{ "device": "a b" }""", "a b")]
    [InlineData("""{ "hwaddr": "02:00:00:00:00" }""", "02:00:00:00:00")]
    [InlineData("""{ "kernelpath": "/sys/class/net/eth0" }""", "must be absolute and begin with /sys/devices/")]
    [InlineData("""{ "kernelpath": "/sys/devices/../../etc" }""", "/sys/devices/../../etc")]
    [InlineData("""{ "pciBusID": "../../../../tmp/x" }""", "../../../../tmp/x")]
    [InlineData("""{ "pciBusID": "1f.6" }""", "0000:00:1f.6")]
    [InlineData("""{ "runtimeConfig": { "deviceID": "../x" } }""", "runtime config DeviceID ../x not found or unsupported")]
    [InlineData("""{ "runtimeConfig": { "deviceID": "0000:99:00.0" } }""", "runtime config DeviceID 0000:99:00.0 not found or unsupported")]
    public void What_names_no_device_is_refused_by_its_value(string keys, string text)
    {
        var error = Assert.Throws<CniException>(() => Read(keys));
        Assert.Equal(CniError.InvalidNetworkConfig, error.Code);
        Assert.Contains(text, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_address_finds_the_hardware_before_what_lies_on_it()
    {
        var mac = MacAddress.FromBytes([2, 0, 0, 0, 0, 7]);
        Link[] links =
        [
            new() { Index = 2, Name = "br0", Kind = "bridge", Address = mac },
            new() { Index = 5, Name = "eth0", Address = mac },
            new() { Index = 7, Name = "eth0.5", Kind = "vlan", Address = mac },
            new() { Index = 8, Name = "eth1" },
        ];
        Assert.Equal("eth0", DeviceFinder.ByAddress(links, mac)!.Name);
        Assert.Equal("br0", DeviceFinder.ByAddress([links[2], links[0]], mac)!.Name);
        Assert.Null(DeviceFinder.ByAddress([links[3]], mac));
    }

    private HostDeviceConfig Read(string keys)
    {
        string json = $$"""{ "cniVersion": "1.0.0", "name": "net", {{keys.Trim()[1..]}}""".Replace(", }", " }", StringComparison.Ordinal);
        return HostDeviceConfig.Read(NetworkConfig.Parse(Encoding.UTF8.GetBytes(json)), _tree.Devices);
    }
}
