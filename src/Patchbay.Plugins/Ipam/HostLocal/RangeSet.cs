namespace Patchbay.Plugins.Ipam.HostLocal;

/// <summary>Ranges of one family that together supply one address of each attachment.</summary>
internal sealed class RangeSet
{
    private readonly AddressRange[] _ranges;

    private RangeSet(AddressRange[] ranges) => _ranges = ranges;

    internal bool IsV4 => _ranges[0].Network.IsV4;

    /// <summary>How many addresses can be given out.</summary>
    internal UInt128 Capacity
    {
        get
        {
            UInt128 sum = 0;
            foreach (var range in _ranges)
                sum += range.Capacity;
            return sum;
        }
    }

    /// <summary>Throws <see cref="FormatException"/> when the ranges do not go together.</summary>
    internal static RangeSet Create(IReadOnlyList<AddressRange> ranges)
    {
        if (ranges.Count == 0)
            throw new FormatException("empty range set");
        for (int i = 0; i < ranges.Count; i++)
        {
            if (ranges[i].Network.IsV4 != ranges[0].Network.IsV4)
                throw new FormatException("mixed address families");
        }
        for (int i = 0; i < ranges.Count; i++)
        {
            for (int j = i + 1; j < ranges.Count; j++)
            {
                if (ranges[i].Overlaps(ranges[j]))
                    throw new FormatException($"subnets {ranges[i]} and {ranges[j]} overlap");
            }
        }
        return new RangeSet([.. ranges]);
    }

    internal AddressRange? RangeFor(Address address)
    {
        foreach (var range in _ranges)
        {
            if (range.Contains(address))
                return range;
        }
        return null;
    }

    internal bool Overlaps(RangeSet other)
    {
        foreach (var range in _ranges)
        {
            foreach (var theirs in other._ranges)
            {
                if (range.Overlaps(theirs))
                    return true;
            }
        }
        return false;
    }

    /// <summary>All addresses once, in the order in which they are tried: from the one after <paramref name="last"/>, round all ranges, to it.</summary>
    internal Cursor After(Address? last)
    {
        for (int i = 0; last is { } known && i < _ranges.Length; i++)
        {
            if (_ranges[i].Contains(known))
                return new Cursor(_ranges, i, known);
        }
        return new Cursor(_ranges, _ranges.Length - 1, _ranges[^1].End); // that is: from the first range's start
    }

    public override string ToString() => string.Join<AddressRange>(',', _ranges);

    /// <summary>Walks round the ranges; see <see cref="After"/>. Gateways are passed over.</summary>
    internal struct Cursor(AddressRange[] ranges, int range, Address current)
    {
        private readonly Address _last = current;
        private int _range = range;
        private bool _done;

        internal Address Current { get; private set; } = current;

        internal readonly AddressRange Range => ranges[_range];

        internal bool MoveNext()
        {
            while (!_done)
            {
                if (Current == ranges[_range].End)
                {
                    _range = (_range + 1) % ranges.Length;
                    Current = ranges[_range].Start;
                }
                else
                {
                    Current = Current.Next;
                }
                _done = Current == _last;
                if (Current != ranges[_range].Gateway)
                    return true;
            }
            return false;
        }
    }
}
