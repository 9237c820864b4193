using Patchbay.Cni.Model;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Main.HostDevice;

/// <summary>Finds the interface that a configuration names, on the host.</summary>
internal static class DeviceFinder
{
    /// <summary>The interface.</summary>
    /// <param name="host">The host.</param>
    /// <param name="config">What names it; of several the first of device, hwaddr, kernelpath, pciBusID, auxiliary device counts.</param>
    /// <param name="sysfs">The devices of the host.</param>
    /// <exception cref="CniException">There is none; the text tells what was looked for.</exception>
    internal static Link Find(RouteSocket host, HostDeviceConfig config, SysfsDevices sysfs)
    {
        if (config.Device is { } name)
            return host.FindLink(name) ?? throw Missing($"device \"{name}\"");
        if (config.HardwareAddress is { } address)
            return ByAddress(host.ListLinks(), address) ?? throw Missing($"device with hwaddr {address}");
        if (config.KernelPath is { } path)
            return First(host, sysfs.InterfacesAt(path)) ?? throw Missing($"device with an interface in kernelpath \"{path}\"");
        if (config.PciBusId is { } pci)
        {
            return First(host, sysfs.InterfacesOfPci(pci)) ?? throw Missing(sysfs.HasPci(pci)
                ? $"interface of PCI device {pci} (its driver is {sysfs.DriverOf(pci) ?? "none"})"
                : $"PCI device {pci}");
        }

        return First(host, sysfs.InterfacesOfAuxiliary(config.AuxiliaryDevice!)) ?? throw Missing($"interface of auxiliary device {config.AuxiliaryDevice}");
    }

    /// <summary>The interface with an Ethernet address. VLANs and bridges have that of the device below, so hardware goes before those, then the oldest.</summary>
    internal static Link? ByAddress(IReadOnlyList<Link> links, MacAddress address)
    {
        Link? found = null;
        foreach (var link in links)
        {
            if (link.Address != address || link.Flags.HasFlag(LinkFlags.Loopback))
                continue;
            if (found is null || (found.Kind is not null && link.Kind is null) || (found.Kind is null == link.Kind is null && link.Index < found.Index))
                found = link;
        }

        return found;
    }

    // sysfs may be that of another namespace, or show what has just gone.
    private static Link? First(RouteSocket host, IReadOnlyList<string> names)
    {
        foreach (var name in names)
        {
            if (host.FindLink(name) is { } link)
                return link;
        }

        return null;
    }

    private static CniException Missing(string what) =>
        new(CniError.Internal, $"failed to find physical interface: no {what} on this host; it may be in another container already");
}
