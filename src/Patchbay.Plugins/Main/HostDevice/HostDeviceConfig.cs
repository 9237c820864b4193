using Patchbay.Cni.Model;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Main.HostDevice;

/// <summary>The keys of the host-device plugin: docs/host-device.md.</summary>
internal sealed record HostDeviceConfig
{
    private const int LongestName = 127; // of alternative names (ALTIFNAMSIZ); the first name has at most 15 bytes

    /// <summary>Name of the device.</summary>
    internal string? Device { get; private init; }

    /// <summary>Its Ethernet address.</summary>
    internal MacAddress? HardwareAddress { get; private init; }

    /// <summary>Its directory below /sys/devices.</summary>
    internal string? KernelPath { get; private init; }

    /// <summary>Its address on the PCI bus, in lower case.</summary>
    internal string? PciBusId { get; private init; }

    /// <summary>Its name on the auxiliary bus.</summary>
    internal string? AuxiliaryDevice { get; private init; }

    /// <summary>Reads the keys; a device that the runtime names wins over the PCI address of the configuration.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="sysfs">The devices of the host.</param>
    /// <exception cref="CniException">No device is named, or in a way that cannot be; the text names the key and the value.</exception>
    internal static HostDeviceConfig Read(NetworkConfig config, SysfsDevices sysfs)
    {
        var root = config.Root;
        var pci = Text(root, "pciBusID");
        string? auxiliary = null;
        if (config.RuntimeConfig is { } runtime && Text(runtime, "deviceID") is { } id)
            (pci, auxiliary) = Resolve(id, sysfs);
        else if (pci is not null && !SysfsDevices.IsPciAddress(pci))
            throw Invalid($"invalid pciBusID \"{pci}\": want an address such as 0000:00:1f.6");

        var read = new HostDeviceConfig
        {
            Device = Text(root, "device"),
            HardwareAddress = ReadAddress(Text(root, "hwaddr")),
            KernelPath = Text(root, "kernelpath"),
            PciBusId = pci?.ToLowerInvariant(),
            AuxiliaryDevice = auxiliary,
        };
        if (read is { Device: null, HardwareAddress: null, KernelPath: null, PciBusId: null, AuxiliaryDevice: null })
            throw Invalid("specify either \"device\", \"hwaddr\", \"kernelpath\" or \"pciBusID\"");
        if (read.Device is { } device && (device.Length > LongestName || device is "." or ".." || device.Any(c => c is '/' or ':' or '\0' || char.IsWhiteSpace(c))))
            throw Invalid($"invalid device \"{device}\": it is no name of an interface");
        if (read.KernelPath is { } path && !SysfsDevices.IsKernelPath(path))
            throw Invalid($"kernel device path \"{path}\" must be absolute and begin with /sys/devices/, without . and ..");
        return read;
    }

    private static (string? Pci, string? Auxiliary) Resolve(string id, SysfsDevices sysfs)
    {
        if (SysfsDevices.IsPciAddress(id) && sysfs.HasPci(id.ToLowerInvariant()))
            return (id, null);
        if (SysfsDevices.IsAuxiliaryName(id) && sysfs.HasAuxiliary(id))
            return (null, id);
        throw Invalid($"runtime config DeviceID {id} not found or unsupported: it is neither in /sys/bus/pci/devices nor in /sys/bus/auxiliary/devices");
    }

    private static MacAddress? ReadAddress(string? text)
    {
        if (text is null)
            return null;
        return MacAddress.TryParse(text, out var address) ? address : throw Invalid($"invalid hwaddr \"{text}\": want six bytes such as 0a:58:0a:01:02:03");
    }

    private static string? Text(JsonView view, string key) => view.String(key) is { Length: > 0 } text ? text : null;

    private static CniException Invalid(string text) => new(CniError.InvalidNetworkConfig, text);
}
