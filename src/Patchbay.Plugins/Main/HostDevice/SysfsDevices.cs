using System.Runtime.InteropServices;
using System.Text;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Main.HostDevice;

/// <summary>The host's devices as sysfs shows them: which network interfaces belong to a device, and which driver it has; sysfs(5).</summary>
/// <param name="root">Where sysfs is mounted; another place only in tests.</param>
internal sealed unsafe partial class SysfsDevices(string root = SysfsDevices.Mount)
{
    private const string Mount = "/sys";
    private const int PathMax = 4096; // include/uapi/linux/limits.h

    /// <summary>True for a PCI address in full: DOMAIN:BUS:DEVICE.FUNCTION, hexadecimal. Domains have four digits, those behind Intel VMD more.</summary>
    internal static bool IsPciAddress(string text)
    {
        var domain = text.IndexOf(':', StringComparison.Ordinal);
        if (domain is < 4 or > 8 || text.Length != domain + 8 || text[domain + 3] != ':' || text[domain + 6] != '.')
            return false;
        for (var i = 0; i < text.Length; i++)
        {
            if (i != domain && i != domain + 3 && i != domain + 6 && !char.IsAsciiHexDigit(text[i]))
                return false;
        }

        return text[^1] is >= '0' and <= '7' && text[domain + 4] is '0' or '1'; // 32 devices, 8 functions
    }

    /// <summary>True for a name as drivers make them on the auxiliary bus: <c>mlx5_core.sf.4</c>.</summary>
    internal static bool IsAuxiliaryName(string text)
    {
        if (text.Length is 0 or > 255 || text[0] == '.' || text.Contains("..", StringComparison.Ordinal))
            return false;
        foreach (var c in text)
        {
            if (!char.IsAsciiLetterOrDigit(c) && c is not ('_' or '-' or '.'))
                return false;
        }

        return true;
    }

    /// <summary>True for an absolute path below /sys/devices without steps that lead elsewhere.</summary>
    internal static bool IsKernelPath(string path)
    {
        if (!path.StartsWith("/sys/devices/", StringComparison.Ordinal) || path.Length >= PathMax || path.Contains('\0', StringComparison.Ordinal))
            return false;
        foreach (var step in path.Split('/'))
        {
            if (step is "." or "..")
                return false;
        }

        return true;
    }

    internal bool HasPci(string address) => Directory.Exists(PciPath(address));

    internal bool HasAuxiliary(string name) => Directory.Exists(AuxiliaryPath(name));

    /// <summary>True when programs in user space drive the device, so that it has no interface: "DPDK mode".</summary>
    /// <param name="address">A PCI address.</param>
    internal bool IsDrivenByUser(string address) => DriverOf(address) is "vfio-pci" or "uio_pci_generic" or "igb_uio";

    /// <summary>The driver of a PCI device; null for none.</summary>
    /// <param name="address">A PCI address.</param>
    internal string? DriverOf(string address) =>
        new FileInfo($"{PciPath(address)}/driver").LinkTarget is { Length: > 0 } target ? Path.GetFileName(target) : null;

    /// <summary>The interfaces of a PCI device, also those of a virtio device on it.</summary>
    /// <param name="address">A PCI address.</param>
    internal IReadOnlyList<string> InterfacesOfPci(string address)
    {
        var path = PciPath(address);
        if (List($"{path}/net") is { Count: > 0 } own)
            return own;
        var names = new List<string>();
        foreach (var child in List(path))
        {
            if (child.StartsWith("virtio", StringComparison.Ordinal))
                names.AddRange(List($"{path}/{child}/net"));
        }

        return names;
    }

    /// <summary>The interfaces of a device on the auxiliary bus.</summary>
    internal IReadOnlyList<string> InterfacesOfAuxiliary(string name) => List($"{AuxiliaryPath(name)}/net");

    /// <summary>The interfaces of the device in a directory below /sys/devices.</summary>
    /// <param name="path">The directory, for which <see cref="IsKernelPath"/> is true.</param>
    /// <exception cref="CniException">Symbolic links lead out of there.</exception>
    internal IReadOnlyList<string> InterfacesAt(string path)
    {
        // What stands between is full of links to other devices, drivers and classes: where it leads is what counts.
        var given = root + path[Mount.Length..];
        if (RealPath(given) is not { } real)
            return [];
        var devices = RealPath($"{root}/devices") + "/";
        if (!real.StartsWith(devices, StringComparison.Ordinal))
            throw new CniException(CniError.InvalidNetworkConfig, $"kernel device path \"{path}\" leads to \"{real}\", which is not below /sys/devices: name the device's own directory");
        return List($"{real}/net");
    }

    private string PciPath(string address) => $"{root}/bus/pci/devices/{address}";

    private string AuxiliaryPath(string name) => $"{root}/bus/auxiliary/devices/{name}";

    // In order, as the reference takes them. A directory that is not there, or goes meanwhile, has nothing in it.
    private static List<string> List(string directory)
    {
        try
        {
            List<string> names = [.. Directory.EnumerateFileSystemEntries(directory).Select(entry => Path.GetFileName(entry))];
            names.Sort(StringComparer.Ordinal);
            return names;
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }

    private static string? RealPath(string path)
    {
        var resolved = stackalloc byte[PathMax];
        return realpath(path, resolved) == null ? null : Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(resolved));
    }

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial byte* realpath(string path, byte* resolved);
}
