using Slot = Patchbay.Plugins.Ipam.HostLocal.ReservationIndex.Slot;

namespace Patchbay.Plugins.Ipam.HostLocal;

/// <summary>
/// Who holds what. Small directories are read whole. Large ones have a <see cref="ReservationIndex"/>; what it does not know is believed only while the
/// directory's modification time is the one that this class set after its own last change.
/// </summary>
internal sealed partial class ReservationStore
{
    /// <summary>Up to so many reservations reading all files is cheap, and the disk looks exactly as the reference leaves it.</summary>
    internal const int IndexAbove = 256;

    private const int IndexBelow = 128; // well apart from the above, lest the index come and go
    private const int CatchUpSteps = 256;

    private ReservationIndex? _index;
    private List<Slot>? _scanned;
    private HashSet<Address>? _names;
    private bool _complete;
    private bool _changed;

    internal delegate void ContentVisitor(Address address, ReadOnlySpan<byte> content);

    /// <summary>Whether an attachment that <see cref="Find"/> does not find certainly has nothing here.</summary>
    internal bool IsComplete => _complete;

    /// <summary>How many reservations there are, or null when that takes reading the directory.</summary>
    internal int? KnownCount => _complete ? _index?.Count ?? _scanned?.Count : null;

    /// <summary>The addresses whose files have exactly this content. <paramref name="hash"/> is <see cref="Owner.HashOf"/> of it.</summary>
    internal List<Address> Find(ulong hash, ReadOnlySpan<byte> content)
    {
        var found = new List<Address>();
        if (_index is null && _scanned is null)
            Scan();
        if (_index is not null)
            _index = TryIndex(index => index.Find(hash, found));
        if (_index is null)
        {
            if (_scanned is null)
                Scan();
            found.Clear();
            foreach (var slot in _scanned!)
            {
                if (slot.Hash == hash)
                    found.Add(slot.Address);
            }
        }
        for (int i = found.Count - 1; i >= 0; i--)
        {
            if (!Holds(found[i], content))
                found.RemoveAt(i);
        }
        return found;
    }

    /// <summary>What the attachment holds, in its own name or in the legacy form.</summary>
    internal List<Address> FindAll(in Owner owner)
    {
        var found = Find(owner.Hash, owner.Content);
        found.AddRange(Find(owner.LegacyHash, owner.Legacy));
        return found;
    }

    /// <summary>Frees what the attachment holds; reservations that name the container alone only if it has none of its own. As often as wanted.</summary>
    internal void ReleaseAll(in Owner owner)
    {
        var found = Find(owner.Hash, owner.Content);
        if (!_complete && !Covers(found))
        {
            Scan();
            found = Find(owner.Hash, owner.Content);
        }
        ulong hash = owner.Hash;
        if (found.Count == 0)
            found = Find(hash = owner.LegacyHash, owner.Legacy);
        foreach (var address in found)
            Release(address, hash);
    }

    /// <summary>Whether the attachment holds anything.</summary>
    internal bool HasAny(in Owner owner)
    {
        if (FindAll(owner).Count > 0)
            return true;
        if (_complete)
            return false;
        Scan();
        return FindAll(owner).Count > 0;
    }

    /// <summary>Reads every reservation and, if there are many, makes the index anew. Afterwards <see cref="IsComplete"/>.</summary>
    internal void Scan()
    {
        var slots = new List<Slot>();
        Visit((address, content) =>
        {
            if (content.Length > 0)
                slots.Add(new(Owner.HashOf(content), address));
        });
        Replace(slots);
    }

    /// <summary>Takes <paramref name="slots"/>, read just now, for what the directory holds.</summary>
    internal void Replace(List<Slot> slots)
    {
        _complete = true;
        _scanned = slots;
        _names = null;
        _index?.Dispose();
        _index = null;
        if (!_writable)
            return;
        if (slots.Count <= IndexAbove)
        {
            Libc.Unlink(_dataDirectory, _indexName);
            return;
        }
        _index = Libc.Stat(_directory, default) is { } state ? TryIndex(() => ReservationIndex.Create(_dataDirectory, _indexName, state, slots)) : null;
        if (_index is null)
            return;
        for (int set = 0; set < Math.Min(_sets.Count, ReservationIndex.MaxSets); set++)
            _index.Last(set) = Last(set) ?? default;
    }

    /// <summary>Calls <paramref name="visit"/> with each address file, and <paramref name="other"/> with the names that are neither that nor ours.</summary>
    internal void Visit(ContentVisitor visit, Action<string>? other = null)
    {
        int error = Libc.List(_directory, name =>
        {
            if (Address.TryParseFileName(name[..^1], out var address))
            {
                if (ReadNamed(name, out var content))
                    visit(address, content);
            }
            else if (!name.SequenceEqual("lock\0"u8) && !name.StartsWith("last_reserved_ip."u8))
                other?.Invoke(Libc.Text(name));
        });
        if (error != 0)
            throw Libc.Failure($"cannot list {Path}", error);
    }

    /// <summary>The addresses that have a file, by one listing of the directory.</summary>
    internal HashSet<Address> Names()
    {
        if (_names is not null)
            return _names;
        var names = new HashSet<Address>();
        if (_scanned is not null)
        {
            foreach (var slot in _scanned)
                names.Add(slot.Address);
            return _names = names;
        }
        int error = Libc.List(_directory, name =>
        {
            if (Address.TryParseFileName(name[..^1], out var address))
                names.Add(address);
        });
        if (error != 0)
            throw Libc.Failure($"cannot list {Path}", error);
        return _names = names;
    }

    /// <summary>The names if they are known without further cost.</summary>
    internal HashSet<Address>? NamesAtHand => _scanned is null ? _names : Names();

    /// <summary>Whether there is an address of each range set, so that an attachment can have no more.</summary>
    private bool Covers(List<Address> found)
    {
        if (_sets.Count == 0)
            return false; // the configuration does not tell
        foreach (var set in _sets)
        {
            if (!found.Exists(address => set.RangeFor(address) is not null))
                return false;
        }
        return true;
    }

    private void OpenIndex()
    {
        if (Libc.Stat(_directory, default) is not { } state)
            throw Libc.Failure($"cannot read the state of {Path}", Libc.LastError);
        _index = TryIndex(() => ReservationIndex.Open(_dataDirectory, _indexName, state, _writable));
        if (_index is null)
            return;
        _complete = _index.Stamp == state.Modified;
        if (!_complete && _writable)
            CatchUp();
    }

    /// <summary>
    /// Someone else changed the directory. Most likely the reference plugin gave out addresses, in its order from the last one that we know to the one it
    /// noted: learn these, so that their DEL need not read the directory.
    /// </summary>
    private void CatchUp()
    {
        for (int set = 0; set < Math.Min(_sets.Count, ReservationIndex.MaxSets); set++)
        {
            if (_index is null || Last(set) is not { } present || _index.Last(set) == present)
                continue;
            var recorded = _index.Last(set);
            _index.Last(set) = present;
            Learn(present);
            if (_sets[set].RangeFor(recorded) is null)
                continue;
            var cursor = _sets[set].After(recorded);
            for (int step = 0; step < CatchUpSteps && cursor.MoveNext() && cursor.Current != present; step++)
                Learn(cursor.Current);
        }
    }

    private void Learn(Address address)
    {
        if (Read(address, out var content) && content.Length > 0)
            Index(new(Owner.HashOf(content), address));
    }

    private void Added(Slot slot)
    {
        _changed = true;
        _scanned?.Add(slot);
        _names?.Add(slot.Address);
        Index(slot);
    }

    private void Removed(Slot slot)
    {
        _changed = true;
        _scanned?.Remove(slot);
        _names?.Remove(slot.Address);
        if (_index is not null)
            _index = TryIndex(index => index.Remove(slot));
    }

    private void Index(Slot slot)
    {
        if (_index is null)
            return;
        bool hasRoom = false;
        _index = TryIndex(index => hasRoom = index.Insert(slot));
        if (hasRoom || _index is null)
            return;
        var full = _index;
        _index = Libc.Stat(_directory, default) is { } state ? TryIndex(() => full.Grow(_dataDirectory, _indexName, state)) : null;
        full.Dispose();
        if (_index is not null)
            _index = TryIndex(index => index.Insert(slot));
    }

    /// <summary>Notes in the index what the directory looks like now; the last step of every change, so that a crash before it makes the index distrusted.</summary>
    private void Commit()
    {
        if (_index is null || !_writable)
            return;
        if (_index.Count < IndexBelow)
        {
            Libc.Unlink(_dataDirectory, _indexName);
            return;
        }
        bool stamped = _index.Stamp != default;
        if (!_complete)
        {
            if (_changed || stamped)
                _index = TryIndex(index => index.WriteHeader(default));
        }
        else if (_changed || !stamped)
        {
            var now = Libc.PreciseTime();
            if (Libc.SetModified(_directory, now) != 0)
                now = default; // not the owner of the directory: correct, only slower
            _index = TryIndex(index => index.WriteHeader(now));
        }
    }

    /// <summary>An index that cannot be used is dropped with a note: reservations do not depend on it.</summary>
    private ReservationIndex? TryIndex(Action<ReservationIndex> use) => TryIndex(() =>
    {
        use(_index!);
        return _index;
    });

    private ReservationIndex? TryIndex(Func<ReservationIndex?> use)
    {
        try
        {
            return use();
        }
        catch (IOException e)
        {
            _note($"host-local: {e.Message}; going on without it");
            if (_writable)
                Libc.Unlink(_dataDirectory, _indexName);
            _index?.Dispose();
            _complete = _scanned is not null;
            return null;
        }
    }
}
