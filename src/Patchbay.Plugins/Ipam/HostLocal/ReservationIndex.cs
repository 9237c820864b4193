using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Patchbay.Plugins.Ipam.HostLocal;

/// <summary>
/// Which attachment holds which address, for directories too large to read: a hash table in the file <c>.NETWORK.index</c> beside the network's directory,
/// used in place, so that a look-up costs one read whatever its size. It is a cache: an entry found here is only a hint to be compared with the
/// reservation file, and <see cref="ReservationStore"/> decides by directory time stamps whether an entry that is missing here means anything.
/// docs/decisions/0004-host-local-index.md.
/// </summary>
internal sealed class ReservationIndex : IDisposable
{
    /// <summary>The range sets whose last address is remembered.</summary>
    internal const int MaxSets = 32;

    private const ulong Magic = 0x0131_7864_6970_6270; // "pbpidx1", version 1
    private const int SlotsAt = 4096;
    private const int SlotSize = 24;
    private const int Tail = 1024; // no wrap-around: a run that begins near the end continues here

    private readonly SafeFileHandle _file;
    private Header _header;
    private Slot[] _window = new Slot[32];

    private ReservationIndex(SafeFileHandle file, in Header header) => (_file, _header) = (file, header);

    internal int Count => _header.Count;

    /// <summary>The directory's modification time when the index was last known to be complete; zero when it is not.</summary>
    internal Libc.Timestamp Stamp => _header.Stamp;

    /// <summary>The last address of a range set that is known here; default when unknown.</summary>
    internal ref Address Last(int set) => ref _header.Last[set];

    /// <summary>Null unless there is an index that was made since this boot and for this very directory.</summary>
    internal static ReservationIndex? Open(SafeFileHandle dataDirectory, ReadOnlySpan<byte> name, in Libc.FileState directory, bool writable)
    {
        var file = Libc.Open(dataDirectory, name, writable ? Libc.O_RDWR : Libc.O_RDONLY);
        if (file is null)
            return null;
        Header header = default;
        if (Libc.Read(file, MemoryMarshal.AsBytes(new Span<Header>(ref header)), 0) == Unsafe.SizeOf<Header>()
            && header.Magic == Magic && header.Device == directory.Device && header.Inode == directory.Inode
            && header.Capacity > 0 && BitOperations.IsPow2(header.Capacity) && header.Boot != default && header.Boot == BootId())
            return new ReservationIndex(file, header);
        file.Dispose();
        return null;
    }

    /// <summary>Writes a new index of <paramref name="entries"/> in the place of any other. Null where the boot cannot be told: see <see cref="BootId"/>.</summary>
    internal static ReservationIndex? Create(
        SafeFileHandle dataDirectory, ReadOnlySpan<byte> name, in Libc.FileState directory, IReadOnlyList<Slot> entries)
    {
        var header = new Header
        {
            Magic = Magic,
            Boot = BootId(),
            Device = directory.Device,
            Inode = directory.Inode,
            Capacity = Math.Max(1024, (int)BitOperations.RoundUpToPowerOf2((uint)entries.Count * 3)),
        };
        if (header.Boot == default)
            return null;
        Slot[] slots;
        while ((slots = Fill(entries, header.Capacity, out header.Count)).Length == 0)
            header.Capacity *= 2;

        Span<byte> temporary = stackalloc byte[name.Length + 4];
        name[..^1].CopyTo(temporary);
        ".tmp\0"u8.CopyTo(temporary[(name.Length - 1)..]);
        var file = Libc.Open(dataDirectory, temporary, Libc.O_RDWR | Libc.O_CREAT | Libc.O_TRUNC, 0x180) ?? throw Failure("create", name, Libc.LastError);
        int error = Libc.Write(file, MemoryMarshal.AsBytes(new ReadOnlySpan<Header>(in header)));
        if (error == 0)
            error = Libc.Write(file, MemoryMarshal.AsBytes(slots.AsSpan()), SlotsAt);
        if (error == 0)
            error = Libc.Rename(dataDirectory, temporary, name);
        if (error == 0)
            return new ReservationIndex(file, header);
        file.Dispose();
        Libc.Unlink(dataDirectory, temporary);
        throw Failure("write", name, error);
    }

    /// <summary>The same entries with more room, as complete as this one is. The caller disposes this one.</summary>
    internal ReservationIndex? Grow(SafeFileHandle dataDirectory, ReadOnlySpan<byte> name, in Libc.FileState directory)
    {
        var slots = new Slot[_header.Capacity + Tail];
        if (Libc.Read(_file, MemoryMarshal.AsBytes(slots.AsSpan()), SlotsAt) < 0)
            throw Failure("read", name, Libc.LastError);
        var live = new List<Slot>(_header.Count);
        foreach (var slot in slots)
        {
            if (slot.Hash != 0)
                live.Add(slot);
        }
        var grown = Create(dataDirectory, name, directory, live);
        if (grown is not null)
            (grown._header.Last, grown._header.Stamp) = (_header.Last, _header.Stamp);
        return grown;
    }

    /// <summary>Adds to <paramref name="found"/> the addresses that may belong to the content of this hash.</summary>
    internal void Find(ulong hash, List<Address> found)
    {
        var run = ReadRun(Home(hash));
        foreach (var slot in run)
        {
            if (slot.Hash == hash && !found.Contains(slot.Address))
                found.Add(slot.Address);
        }
    }

    /// <summary>False when there is no room and the index must <see cref="Grow"/>.</summary>
    internal bool Insert(Slot entry)
    {
        if (_header.Count >= _header.Capacity / 2)
            return false;
        int home = Home(entry.Hash);
        var run = ReadRun(home);
        if (run.Contains(entry))
            return true;
        int at = home + run.Length;
        if (at >= _header.Capacity + Tail - 1)
            return false;
        WriteSlots(at, [entry]);
        _header.Count++;
        return true;
    }

    internal void Remove(Slot entry)
    {
        int home = Home(entry.Hash);
        var run = ReadRun(home);
        int first = run.IndexOf(entry);
        if (first < 0)
            return;
        // Move back what stands behind its place because of this entry, so that no tombstones accumulate (Knuth, volume 3, algorithm 6.4R).
        int hole = first;
        for (int i = first + 1; i < run.Length; i++)
        {
            if (Home(run[i].Hash) - home > hole)
                continue;
            run[hole] = run[i];
            hole = i;
        }
        run[hole] = default;
        WriteSlots(home + first, run[first..]);
        _header.Count--;
    }

    /// <summary>Records the state of the directory that this index describes completely, or default that it does not.</summary>
    internal void WriteHeader(Libc.Timestamp stamp)
    {
        _header.Stamp = stamp;
        int error = Libc.Write(_file, MemoryMarshal.AsBytes(new ReadOnlySpan<Header>(in _header)));
        if (error != 0)
            throw Libc.Failure("cannot write the index of reservations", error);
    }

    public void Dispose() => _file.Dispose();

    /// <summary>
    /// After a power loss the index and the directory may come from different moments although the stamps agree, so an index serves one boot only.
    /// Default, and with it no index, where /proc does not tell.
    /// </summary>
    private static Guid BootId()
    {
        try
        {
            using var file = File.OpenHandle("/proc/sys/kernel/random/boot_id");
            Span<byte> text = stackalloc byte[36];
            Span<char> chars = stackalloc char[36];
            if (Libc.Read(file, text, 0) == 36 && Encoding.ASCII.GetChars(text, chars) == 36 && Guid.TryParse(chars, out var boot))
                return boot;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Nothing to tell the user: without an index everything works, only slower.
        }
        return default;
    }

    private static IOException Failure(string what, ReadOnlySpan<byte> name, int error)
        => Libc.Failure($"cannot {what} the index of reservations {Libc.Text(name)}", error);

    /// <summary>Empty when a run does not fit.</summary>
    private static Slot[] Fill(IReadOnlyList<Slot> entries, int capacity, out int count)
    {
        var slots = new Slot[capacity + Tail];
        count = 0;
        foreach (var entry in entries)
        {
            int at = (int)(entry.Hash & (uint)(capacity - 1));
            while (slots[at].Hash != 0 && slots[at] != entry)
            {
                if (++at == slots.Length - 1)
                    return [];
            }
            if (slots[at].Hash == 0)
                count++;
            slots[at] = entry;
        }
        return slots;
    }

    private int Home(ulong hash) => (int)(hash & (uint)(_header.Capacity - 1));

    /// <summary>The slots from <paramref name="first"/> to before the next free one.</summary>
    private Span<Slot> ReadRun(int first)
    {
        while (true)
        {
            int bytes = Libc.Read(_file, MemoryMarshal.AsBytes(_window.AsSpan()), SlotsAt + (long)first * SlotSize);
            if (bytes < 0)
                throw Libc.Failure("cannot read the index of reservations", Libc.LastError);
            int slots = bytes / SlotSize;
            for (int i = 0; i < slots; i++)
            {
                if (_window[i].Hash == 0)
                    return _window.AsSpan(0, i);
            }
            if (slots < _window.Length)
                return _window.AsSpan(0, slots);
            Array.Resize(ref _window, _window.Length * 2);
        }
    }

    private void WriteSlots(int at, ReadOnlySpan<Slot> slots)
    {
        int error = Libc.Write(_file, MemoryMarshal.AsBytes(slots), SlotsAt + (long)at * SlotSize);
        if (error != 0)
            throw Libc.Failure("cannot write the index of reservations", error);
    }

    /// <summary>One entry: <see cref="Owner.HashOf"/> of the content, 0 in a free slot, and the address.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal readonly record struct Slot
    {
        private readonly ulong _high, _low;

        internal Slot(ulong hash, Address address) => (Hash, _high, _low) = (hash, (ulong)(address.Bits >> 64), (ulong)address.Bits);

        internal ulong Hash { get; }

        internal Address Address => new(new UInt128(_high, _low));
    }

    [InlineArray(MaxSets)]
    internal struct LastAddresses
    {
        private Address _first;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Header
    {
        internal LastAddresses Last;
        internal ulong Magic;
        internal Guid Boot;
        internal ulong Device;
        internal ulong Inode;
        internal Libc.Timestamp Stamp;
        internal int Capacity;
        internal int Count;
    }
}
