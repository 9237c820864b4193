using System.Text;
using Patchbay.Plugins.Ipam.HostLocal;

namespace Patchbay.Tests.Ipam;

/// <summary>A data directory with the network "net", removed afterwards, and short ways to say what the tests do with it.</summary>
internal sealed class TemporaryNetwork : IDisposable
{
    internal TemporaryNetwork(params string[] subnets)
    {
        // On a tmpfs where there is one: the tests make tens of thousands of files.
        var root = Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        DataDirectory = Directory.CreateDirectory(Path.Combine(root, "host-local-" + Path.GetRandomFileName())).FullName;
        Sets = [.. subnets.Select(subnet => RangeTests.Set(subnet))];
    }

    internal string DataDirectory { get; }

    internal IReadOnlyList<RangeSet> Sets { get; set; }

    internal List<string> Notes { get; } = [];

    internal string Folder => Path.Combine(DataDirectory, "net");

    internal string IndexFile => Path.Combine(DataDirectory, ".net.index");

    internal ReservationStore Open(StoreAccess access = StoreAccess.Create) => ReservationStore.Open(DataDirectory, "net", Sets, access, Notes.Add)!;

    internal string[] Add(string id, params string[] requested)
    {
        using var store = Open();
        var wanted = requested.Select(text => Address.TryParse(text, out var address) ? address : throw new FormatException(text)).ToArray();
        return [.. Allocator.Allocate(store, Sets, new Owner(id, "eth0"), wanted).Select(a => a.Address.ToString())];
    }

    internal void Delete(string id)
    {
        using var store = Open(StoreAccess.Change);
        store.ReleaseAll(new Owner(id, "eth0"));
    }

    /// <summary>What another program does that keeps the rules of the directory but knows no index.</summary>
    internal void ForeignAdd(string id, string address, bool last = true, string ifName = "\r\neth0")
    {
        Directory.CreateDirectory(Folder);
        File.WriteAllText(Path.Combine(Folder, address), id + ifName);
        if (last)
            File.WriteAllText(Path.Combine(Folder, "last_reserved_ip.0"), address);
    }

    /// <summary>Reservations from 10.0.1.0 up, made by another program.</summary>
    internal void ForeignFill(int count)
    {
        for (int i = 0; i < count; i++)
            ForeignAdd($"f{i}", $"10.0.{1 + i / 256}.{i % 256}", last: i == count - 1);
    }

    internal string[] Reserved() => [.. Directory.GetFiles(Folder).Select(Path.GetFileName).OfType<string>()
        .Where(name => Address.TryParseFileName(Encoding.UTF8.GetBytes(name), out _)).Order(StringComparer.Ordinal)];

    internal bool Has(string address) => File.Exists(Path.Combine(Folder, address));

    internal string Content(string name) => File.ReadAllText(Path.Combine(Folder, name));

    public void Dispose() => Directory.Delete(DataDirectory, recursive: true);
}
