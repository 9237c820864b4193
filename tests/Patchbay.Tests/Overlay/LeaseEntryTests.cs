using Patchbay.Policy.Overlay.Leases;

namespace Patchbay.Tests.Overlay;

/// <summary>Leases as texts.</summary>
public class LeaseEntryTests
{
    [Fact]
    public void Without_an_Ethernet_address_it_has_that_of_its_subnet()
    {
        Lease lease = new LeaseEntry { UnderlayIp = "192.0.2.1", OverlaySubnet = "10.255.30.0/24" }.ToLease();

        Assert.Equal("ee:ee:0a:ff:1e:00", lease.Address.ToString());
        Assert.Equal("10.255.30.0", Lease.BaseOf(lease.Address)?.ToString());
        Assert.Equal(lease, LeaseEntry.Of(lease).ToLease());
    }

    [Theory]
    [InlineData("10", "10.255.30.0/24", null, "underlay_ip is \"10\"")]
    [InlineData("0.0.0.0", "10.255.30.0/24", null, "underlay_ip")]
    [InlineData("224.0.0.1", "10.255.30.0/24", null, "underlay_ip")]
    [InlineData("255.255.255.255", "10.255.30.0/24", null, "underlay_ip")]
    [InlineData("ff02::1", "10.255.30.0/24", null, "underlay_ip")]
    [InlineData("fe80::1%eth0", "10.255.30.0/24", null, "underlay_ip")]
    [InlineData("192.0.2.1; reboot", "10.255.30.0/24", null, "underlay_ip")]
    [InlineData(null, "10.255.30.0/24", null, "underlay_ip")]
    [InlineData("192.0.2.1", "10.255.30.1/24", null, "overlay_subnet is \"10.255.30.1/24\"")]
    [InlineData("192.0.2.1", null, null, "overlay_subnet")]
    [InlineData("192.0.2.1", "10.255.30.0/24", "ee:ee", "overlay_hardware_addr is \"ee:ee\"")]
    [InlineData("192.0.2.1", "10.255.30.0/24", "01:00:5e:00:00:01", "overlay_hardware_addr")]
    [InlineData("192.0.2.1", "10.255.30.0/24", "00:00:00:00:00:00", "overlay_hardware_addr")]
    public void What_cannot_be_is_told_by_its_key(string? underlay, string? subnet, string? address, string told) => Assert.Contains(told, Assert.Throws<FormatException>(
        () => new LeaseEntry { UnderlayIp = underlay, OverlaySubnet = subnet, OverlayHardwareAddr = address }.ToLease()).Message, StringComparison.Ordinal);

    [Fact]
    public void One_bad_entry_spoils_no_other()
    {
        var problems = new List<string>();
        var list = new LeaseList { Leases = [new LeaseEntry(), new LeaseEntry { UnderlayIp = "192.0.2.1", OverlaySubnet = "10.255.30.0/24" }] };

        Assert.Single(list.ToLeases(problems));
        Assert.Single(problems);
    }
}
