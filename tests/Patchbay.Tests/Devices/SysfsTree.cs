using Patchbay.Plugins.Main.HostDevice;

namespace Patchbay.Tests.Devices;

/// <summary>A directory laid out as sysfs, with a network card, a virtio card, a card driven by a program, and a subfunction.</summary>
public sealed class SysfsTree : IDisposable
{
    public const string Card = "0000:3b:00.1";
    public const string VirtioCard = "0000:00:04.0";
    public const string UserCard = "0000:af:00.0";
    public const string BareCard = "10000:e1:00.0";
    public const string Subfunction = "mlx5_core.sf.4";

    private readonly string _root = Directory.CreateTempSubdirectory("pb-sysfs-").FullName;

    public SysfsTree()
    {
        Pci(Card, "ixgbe");
        Make($"devices/pci0000:00/{Card}/net/ens1f1");
        Make($"devices/pci0000:00/{Card}/net/ens1f0");
        Pci(VirtioCard, "virtio-pci");
        Make($"devices/pci0000:00/{VirtioCard}/virtio1/net/ens4");
        Pci(UserCard, "vfio-pci");
        Pci(BareCard, driver: null);
        Make($"devices/pci0000:00/{Card}/{Subfunction}/net/sf4");
        Link($"bus/auxiliary/devices/{Subfunction}", $"devices/pci0000:00/{Card}/{Subfunction}");
        Make("class/net/net/escaped");
        Link($"devices/pci0000:00/{Card}/subsystem", "class/net");
        Link($"devices/pci0000:00/{Card}/sibling", $"devices/pci0000:00/{VirtioCard}/virtio1");
        Devices = new SysfsDevices(_root);
    }

    internal SysfsDevices Devices { get; }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private void Pci(string address, string? driver)
    {
        Make($"devices/pci0000:00/{address}");
        Link($"bus/pci/devices/{address}", $"devices/pci0000:00/{address}");
        if (driver is null)
            return;
        Make($"bus/pci/drivers/{driver}");
        Link($"devices/pci0000:00/{address}/driver", $"bus/pci/drivers/{driver}");
    }

    private void Make(string path) => Directory.CreateDirectory(Path.Combine(_root, path));

    private void Link(string path, string target)
    {
        string at = Path.Combine(_root, path);
        Directory.CreateDirectory(Path.GetDirectoryName(at)!);
        Directory.CreateSymbolicLink(at, Path.Combine(_root, target));
    }
}
