using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Patchbay.Plugins.Ipam.HostLocal;

/// <summary>What an operation does to the directory of a network.</summary>
internal enum StoreAccess
{
    /// <summary>Leaves everything as it is.</summary>
    Read,

    /// <summary>Changes a directory that exists.</summary>
    Change,

    /// <summary>Makes the directory if it is missing.</summary>
    Create,
}

/// <summary>
/// The reservations of one network, on disk exactly as the reference keeps them: in <c>DATADIR/NETWORK/</c> one file per address with the attachment that
/// holds it, <c>last_reserved_ip.SET</c>, and <c>lock</c>, which is held from <see cref="Open"/> to <see cref="Dispose"/>.
/// Failures are <see cref="IOException"/>s that name the path.
/// </summary>
internal sealed partial class ReservationStore : IDisposable
{
    private const uint FileMode = 0x180; // 0600
    private const uint DirectoryMode = 0x1ed; // 0755
    private const uint LockMode = 0x1e8; // 0750, as the reference makes it
    private const int LongestShownId = 128;

    private readonly byte[] _indexName;
    private readonly IReadOnlyList<RangeSet> _sets;
    private readonly Action<string> _note;
    private readonly bool _writable;
    private readonly SafeFileHandle _dataDirectory;
    private readonly SafeFileHandle _directory;
    private SafeFileHandle? _lock;
    private SafeFileHandle? _unnamed;
    private bool _cannotLink;
    private byte[] _buffer = new byte[512];

    private ReservationStore(
        string dataDirectory, string network, IReadOnlyList<RangeSet> sets, StoreAccess access, Action<string> note, SafeFileHandle directory)
    {
        Path = System.IO.Path.Combine(dataDirectory, network);
        _indexName = Encoding.UTF8.GetBytes($".{network}.index\0");
        _sets = sets;
        _note = note;
        _writable = access != StoreAccess.Read;
        _directory = directory;
        _dataDirectory = Libc.OpenDirectory(dataDirectory) ?? throw Libc.Failure($"cannot open {dataDirectory}", Libc.LastError);
    }

    /// <summary>The network's directory.</summary>
    internal string Path { get; }

    /// <summary>
    /// Waits for the lock. <paramref name="note"/> takes what the operator should know although the operation goes on.
    /// Null when the directory is missing and is not to be made.
    /// </summary>
    internal static ReservationStore? Open(string dataDirectory, string network, IReadOnlyList<RangeSet> sets, StoreAccess access, Action<string> note)
    {
        var path = System.IO.Path.Combine(dataDirectory, network);
        var directory = Libc.OpenDirectory(path);
        if (directory is null && Libc.LastError == Libc.ENOENT)
        {
            if (access != StoreAccess.Create)
                return null;
            Make(path);
            directory = Libc.OpenDirectory(path);
        }
        if (directory is null)
            throw Libc.Failure($"cannot open {path}", Libc.LastError);

        var store = new ReservationStore(dataDirectory, network, sets, access, note, directory);
        try
        {
            store.TakeLock();
            store.OpenIndex();
            return store;
        }
        catch
        {
            store.Close();
            throw;
        }
    }

    /// <summary>
    /// Reserves the address and makes it the last one of its set. False when it is taken. After a failure, or a crash at any point, the address is either
    /// reserved with its owner in the file or free.
    /// </summary>
    internal bool TryReserve(Address address, int set, in Owner owner)
    {
        Span<byte> name = stackalloc byte[Address.MaxText + 1];
        name = NameOf(address, name);
        int error = CreateFile(name, owner.Content);
        if (error == Libc.EEXIST && Libc.Stat(_directory, name) is { Size: 0 })
        {
            // Everybody writes under the lock that we hold: an empty file is what a power loss left.
            Libc.Unlink(_directory, name);
            error = CreateFile(name, owner.Content);
        }
        if (error == Libc.EEXIST)
            return false;
        if (error != 0)
            throw Libc.Failure($"cannot reserve {Path}/{address}", error);

        Added(new(owner.Hash, address));
        try
        {
            WriteLast(set, address);
        }
        catch (IOException)
        {
            Release(address, owner.Hash);
            throw;
        }
        return true;
    }

    /// <summary>Frees the address; that it is free already is no error. <paramref name="hash"/> is that of the file's content.</summary>
    internal void Release(Address address, ulong hash)
    {
        Span<byte> name = stackalloc byte[Address.MaxText + 1];
        int error = Libc.Unlink(_directory, NameOf(address, name));
        if (error is not (0 or Libc.ENOENT))
            throw Libc.Failure($"cannot release {Path}/{address}", error);
        Removed(new(hash, address));
    }

    /// <summary>Whether the address is reserved by exactly this content.</summary>
    internal bool Holds(Address address, ReadOnlySpan<byte> content) => Read(address, out var held) && held.SequenceEqual(content);

    /// <summary>The id of the container that has the address, to be shown; null when nobody has, or the file does not say so in the usual words.</summary>
    internal string? HolderOf(Address address)
    {
        if (!Read(address, out var held))
            return null;
        var id = held[..(held.IndexOfAny((byte)'\r', (byte)'\n') is >= 0 and var end ? end : held.Length)];
        return id.Length is > 0 and <= LongestShownId && id.IndexOfAnyExceptInRange((byte)'!', (byte)'~') < 0 ? System.Text.Encoding.ASCII.GetString(id) : null;
    }

    /// <summary>Whether there is a file of this address with nothing in it.</summary>
    internal bool IsEmpty(Address address)
    {
        Span<byte> name = stackalloc byte[Address.MaxText + 1];
        return Libc.Stat(_directory, NameOf(address, name)) is { Size: 0 };
    }

    /// <summary>The address given out last; null when unknown, which costs no more than the order of addresses.</summary>
    internal Address? Last(int set)
    {
        int length = Libc.ReadFile(_directory, LastName(set), ref _buffer);
        return length > 0 && Address.TryParseFileName(Trim(_buffer.AsSpan(0, length)), out var last) ? last : null;
    }

    public void Dispose()
    {
        Commit();
        Close();
    }

    private static void Make(string path)
    {
        int error = Libc.MakeDirectory(path, DirectoryMode);
        if (error == Libc.ENOENT && System.IO.Path.GetDirectoryName(path) is { Length: > 0 } parent)
        {
            Make(parent);
            error = Libc.MakeDirectory(path, DirectoryMode);
        }
        if (error != 0)
            throw Libc.Failure($"cannot make {path}", error);
    }

    private void Close()
    {
        _index?.Dispose();
        _unnamed?.Dispose();
        _lock?.Dispose(); // closing gives the lock back
        _directory.Dispose();
        _dataDirectory.Dispose();
    }

    private void TakeLock()
    {
        _lock = Libc.Open(_directory, "lock\0"u8, Libc.O_RDONLY | (_writable ? Libc.O_CREAT : 0), LockMode);
        if (_lock is null && !_writable && Libc.LastError == Libc.ENOENT)
            return; // nobody has allocated anything here yet
        int error = _lock is null ? Libc.LastError : Libc.Lock(_lock);
        if (error != 0)
            throw Libc.Failure($"cannot lock {Path}/lock", error);
    }

    /// <summary>The file appears with its content in one step where the file system can do that. 0 or the error.</summary>
    private int CreateFile(ReadOnlySpan<byte> name, ReadOnlySpan<byte> content)
    {
        if (!_cannotLink)
        {
            int error = LinkFile(name, content);
            if (error is not (Libc.EOPNOTSUPP or Libc.EISDIR or Libc.ENOENT or Libc.EINVAL or Libc.ENOSYS or Libc.EPERM or Libc.EXDEV))
                return error;
            _cannotLink = true; // no O_TMPFILE (NFS), no hard links (FAT) or no /proc
        }

        using var file = Libc.Open(_directory, name, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_EXCL, FileMode);
        if (file is null)
            return Libc.LastError;
        int failed = Libc.Write(file, content);
        if (failed != 0)
            Libc.Unlink(_directory, name);
        return failed;
    }

    private int LinkFile(ReadOnlySpan<byte> name, ReadOnlySpan<byte> content)
    {
        if (_unnamed is null)
        {
            var file = Libc.OpenUnnamed(_directory, FileMode);
            if (file is null)
                return Libc.LastError;
            int failed = Libc.Write(file, content);
            if (failed != 0)
            {
                file.Dispose();
                return failed;
            }
            _unnamed = file;
        }
        int error = Libc.Link(_unnamed, _directory, name);
        if (error != Libc.EEXIST) // a file that found its name taken serves for the next one
        {
            _unnamed.Dispose();
            _unnamed = null;
        }
        return error;
    }

    /// <summary>
    /// In place and without O_TRUNC: truncating to nothing, and replacing by rename, make ext4 write the data out at once. A torn text costs the order only.
    /// </summary>
    private void WriteLast(int set, Address address)
    {
        Span<byte> text = stackalloc byte[Address.MaxText];
        int length = address.Write(text);
        using var file = Libc.Open(_directory, LastName(set), Libc.O_WRONLY | Libc.O_CREAT, FileMode);
        int error = file is null ? Libc.LastError : Libc.Write(file, text[..length]);
        if (error == 0)
            error = Libc.Truncate(file!, length);
        if (error != 0)
            throw Libc.Failure($"cannot write {Path}/last_reserved_ip.{set}", error);
        if (_index is not null && set < ReservationIndex.MaxSets)
            _index.Last(set) = address;
    }

    /// <summary>The file's content without surrounding white space, which stays valid until the next call; false when there is no such file.</summary>
    private bool Read(Address address, out ReadOnlySpan<byte> content)
    {
        Span<byte> name = stackalloc byte[Address.MaxText + 1];
        return ReadNamed(NameOf(address, name), out content);
    }

    private bool ReadNamed(scoped ReadOnlySpan<byte> name, out ReadOnlySpan<byte> content)
    {
        int length = Libc.ReadFile(_directory, name, ref _buffer);
        if (length < 0 && Libc.LastError != Libc.ENOENT)
            throw Libc.Failure($"cannot read {Path}/{Libc.Text(name)}", Libc.LastError);
        content = length < 0 ? default : Trim(_buffer.AsSpan(0, length));
        return length >= 0;
    }

    private static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> text) => text.Trim(" \t\r\n\v\f"u8);

    private static Span<byte> NameOf(Address address, Span<byte> buffer)
    {
        int length = address.Write(buffer);
        buffer[length] = 0;
        return buffer[..(length + 1)];
    }

    private static byte[] LastName(int set) => Encoding.UTF8.GetBytes($"last_reserved_ip.{set}\0");
}
