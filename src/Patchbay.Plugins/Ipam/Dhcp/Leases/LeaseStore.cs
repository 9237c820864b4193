using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Ipam.Dhcp.Leases;

/// <summary>The directory of leases, a file each. Whoever changes it holds its lock: the daemon while it runs, else a plugin that cleans up.</summary>
internal sealed class LeaseStore : IDisposable
{
    /// <summary>End of the name of each lease.</summary>
    internal const string Suffix = ".json";

    private const string LockName = "lock";
    private const string Unfinished = ".new";

    private readonly FileStream _lock;

    private LeaseStore(string directory, FileStream @lock) => (Path, _lock) = (directory, @lock);

    internal string Path { get; }

    /// <summary>Where the daemon of a socket keeps its leases unless told otherwise: beside it, <c>/run/cni/dhcp/</c> for <c>/run/cni/dhcp.sock</c>.</summary>
    internal static string DirectoryOf(string socketPath)
    {
        string without = System.IO.Path.ChangeExtension(socketPath, null);
        return without == socketPath ? socketPath + ".leases" : without;
    }

    /// <summary>Makes the directory if needed, and locks it.</summary>
    /// <returns>Null when another process has it.</returns>
    /// <exception cref="IOException">It cannot be used.</exception>
    internal static LeaseStore? TryOpen(string directory)
    {
        try
        {
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new IOException(error.Message, error);
        }

        string path = System.IO.Path.Combine(directory, LockName);
        try
        {
            // FileShare.None is flock(2), which ends with the process.
            return new LeaseStore(directory, new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0));
        }
        catch (IOException error) when ((error.HResult & 0xffff) == Libc.EAGAIN)
        {
            return null;
        }
        catch (UnauthorizedAccessException error)
        {
            throw new IOException(error.Message, error);
        }
    }

    /// <summary>All leases.</summary>
    /// <param name="note">Told of files that are none; they stay.</param>
    internal List<Lease> Load(Action<string> note)
    {
        var leases = new List<Lease>();
        foreach (string path in Directory.EnumerateFiles(Path).Order(StringComparer.Ordinal))
        {
            if (path.EndsWith(Unfinished, StringComparison.Ordinal))
                File.Delete(path); // of a process that was killed; the lease before it is whole
            if (!path.EndsWith(Suffix, StringComparison.Ordinal))
                continue;
            try
            {
                var lease = Lease.Parse(File.ReadAllBytes(path));
                if (lease.Key.FileName == System.IO.Path.GetFileName(path))
                    leases.Add(lease);
                else
                    note($"{path}: left alone, its name is not that of the lease {lease.Key} in it");
            }
            catch (Exception error) when (error is FormatException or IOException or UnauthorizedAccessException)
            {
                note($"{path}: left alone, it is no lease: {error.Message}");
            }
        }

        return leases;
    }

    /// <summary>The lease of an attachment, or null.</summary>
    /// <exception cref="CniException">Its file cannot be read.</exception>
    internal Lease? Find(LeaseKey key)
    {
        string path = PathOf(key);
        try
        {
            return File.Exists(path) ? Lease.Parse(File.ReadAllBytes(path)) : null;
        }
        catch (Exception error) when (error is FormatException or IOException or UnauthorizedAccessException)
        {
            throw new CniException(CniError.IoFailure, $"dhcp: cannot read the lease {path}: {error.Message}", inner: error);
        }
    }

    /// <summary>Writes a lease such that a crash at any moment leaves the old one or the new one.</summary>
    /// <exception cref="IOException">It cannot be written.</exception>
    internal void Write(Lease lease)
    {
        string path = PathOf(lease.Key);
        using (var file = File.OpenHandle(path + Unfinished, FileMode.Create, FileAccess.Write, FileShare.Read))
        {
            RandomAccess.Write(file, lease.ToJson(), 0);
            RandomAccess.FlushToDisk(file);
        }

        File.Move(path + Unfinished, path, overwrite: true);
        Libc.SyncDirectory(Path);
    }

    /// <summary>Forgets a lease, if it is there.</summary>
    internal void Remove(LeaseKey key) => File.Delete(PathOf(key));

    /// <inheritdoc/>
    public void Dispose() => _lock.Dispose();

    private string PathOf(LeaseKey key) => System.IO.Path.Combine(Path, key.FileName);
}
