using System.Net;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Naming;
using Libc = Patchbay.Plugins.Ipam.HostLocal.Libc;

namespace Patchbay.Plugins.Meta.Yggoverlay;

/// <summary>
/// The host's addresses on the mesh, held while a process works on them. Duplicate address detection is switched off and could not see the whole /64
/// anyway; these files take its place. They are in a tmpfs: a reboot ends containers and reservations alike.
/// </summary>
/// <remarks>
/// <c>attachments/CONTAINER:INTERFACE</c> is a <see cref="Reservation"/>; <c>addresses/ADDRESS</c> has the name of that file;
/// <c>gateways/DEVICE</c> has the subnet whose gateway's address we gave that device; <c>guard</c> says that the guard route is ours.
/// Each is written aside and renamed, the attachment's before the address's: whatever a crash leaves is found by a DEL or overlooked.
/// </remarks>
internal sealed class ReservationStore : IDisposable
{
    private const int LongestName = 255; // NAME_MAX
    private readonly string _directory;
    private readonly SafeFileHandle _lock;

    private ReservationStore(string directory, SafeFileHandle @lock) => (_directory, _lock) = (directory, @lock);

    private string Attachments => Path.Combine(_directory, "attachments");

    private string Addresses => Path.Combine(_directory, "addresses");

    private string Gateways => Path.Combine(_directory, "gateways");

    // One at a time writes, for the lock is held: the name may be the same for all.
    private string Aside => Path.Combine(_directory, "new");

    private string Guard => Path.Combine(_directory, "guard");

    /// <summary>Waits for the host's lock.</summary>
    /// <exception cref="CniException">Code 5: there can be no files in the directory.</exception>
    internal static ReservationStore Open(string directory)
    {
        try
        {
            foreach (var each in new[] { "attachments", "addresses", "gateways" })
                Directory.CreateDirectory(Path.Combine(directory, each), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            // flock(2) on the directory itself, which .NET has no call for; it would lock files of its own accord, and not wait.
            var handle = Libc.OpenDirectory(directory) ?? throw Libc.Failure("open", Libc.LastError);
            if (Libc.Lock(handle) is not 0 and var error)
            {
                handle.Dispose();
                throw Libc.Failure("lock", error);
            }

            var store = new ReservationStore(directory, handle);
            File.Delete(store.Aside); // of a process that was killed
            return store;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CniException(CniError.IoFailure, $"yggoverlay: cannot keep reservations in \"{directory}\" (dataDir): {error.Message}", inner: error);
        }
    }

    /// <summary>For what never makes anything: null when no reservation was ever made there.</summary>
    internal static ReservationStore? OpenExisting(string directory) => Directory.Exists(Path.Combine(directory, "attachments")) ? Open(directory) : null;

    /// <summary>The reservation of an attachment.</summary>
    internal Reservation? Find(string containerId, string ifName) =>
        Read(Path.Combine(Attachments, FileName(containerId, ifName))) is { } bytes && Reservation.Parse(bytes) is { } found && found.IsOf(containerId, ifName) ? found : null;

    /// <summary>Who has an address; null when it is free.</summary>
    internal Reservation? HolderOf(IPAddress address)
    {
        if (Read(Path.Combine(Addresses, IpText.Format(address))) is not { } owner || ProperName(owner) is not { } name)
            return null;
        return Read(Path.Combine(Attachments, name)) is { } bytes && Reservation.Parse(bytes) is { } found && found.Address.Equals(address) ? found : null;
    }

    /// <summary>Writes a reservation down; the caller knows that the address is free, or whose it was.</summary>
    internal void Write(Reservation reservation)
    {
        var name = FileName(reservation.ContainerId, reservation.IfName);
        Write(Path.Combine(Attachments, name), reservation.ToJson().Span);
        Write(Path.Combine(Addresses, IpText.Format(reservation.Address)), Encoding.UTF8.GetBytes(name));
    }

    /// <summary>Forgets a reservation; its address too, unless it is another's by now.</summary>
    internal void Remove(Reservation reservation)
    {
        var name = FileName(reservation.ContainerId, reservation.IfName);
        var address = Path.Combine(Addresses, IpText.Format(reservation.Address));
        if (Read(address) is { } owner && ProperName(owner) == name)
            File.Delete(address);
        File.Delete(Path.Combine(Attachments, name));
    }

    /// <summary>All reservations; files that are damaged, or were left by a crash, are removed on the way.</summary>
    internal List<Reservation> Collect()
    {
        var all = new List<Reservation>();
        foreach (var path in Directory.GetFiles(Attachments))
        {
            if (Read(path) is { } bytes && Reservation.Parse(bytes) is { } found && FileName(found.ContainerId, found.IfName) == Path.GetFileName(path))
                all.Add(found);
            else
                File.Delete(path);
        }

        foreach (var path in Directory.GetFiles(Addresses))
        {
            if (IpText.TryParse(Path.GetFileName(path)) is not { } address || HolderOf(address) is null)
                File.Delete(path);
        }

        return all;
    }

    /// <summary>True when no container of this host has an address.</summary>
    internal bool IsEmpty => !Directory.EnumerateFiles(Attachments).Any();

    /// <summary>The subnet whose gateway's address we gave a device; null when we gave it none.</summary>
    internal IPNetwork? GatewayOf(string device) => Read(Path.Combine(Gateways, device)) is { } bytes ? MeshAddress.ParseSubnet(Encoding.UTF8.GetString(bytes)) : null;

    /// <summary>The devices that have a gateway's address by us.</summary>
    internal IReadOnlyList<string> GatewayDevices() => [.. Directory.GetFiles(Gateways).Select(Path.GetFileName).OfType<string>()];

    /// <summary>Notes that we give a device a gateway's address; before it is done.</summary>
    internal void NoteGateway(string device, IPNetwork subnet) => Write(Path.Combine(Gateways, device), Encoding.UTF8.GetBytes($"{IpText.Format(subnet.BaseAddress)}/{subnet.PrefixLength}"));

    internal void ForgetGateway(string device) => File.Delete(Path.Combine(Gateways, device));

    /// <summary>Whether the guard route is ours.</summary>
    internal bool HasGuard
    {
        get => File.Exists(Guard);
        set
        {
            if (value)
                Write(Guard, []);
            else
                File.Delete(Guard);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    private static string FileName(string containerId, string ifName)
    {
        var name = $"{containerId}:{ifName}";
        return Encoding.UTF8.GetByteCount(name) <= LongestName - 8 ? name : NameHash.Cut(":", name, 65);
    }

    // What a file says is not taken for a path.
    private static string? ProperName(byte[] owner) => Encoding.UTF8.GetString(owner) is { Length: > 0 } name && !name.Contains('/', StringComparison.Ordinal) && !name.Contains('\0', StringComparison.Ordinal) ? name : null;

    private static byte[]? Read(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    private void Write(string path, ReadOnlySpan<byte> content)
    {
        using (var file = File.OpenHandle(Aside, FileMode.Create, FileAccess.Write))
            RandomAccess.Write(file, content, 0);
        File.Move(Aside, path, overwrite: true);
    }
}
