namespace Patchbay.Plugins.Ipam.HostLocal;

/// <summary>An address given to an attachment, and the range it comes from.</summary>
internal readonly record struct Allocation(Address Address, AddressRange Range);

/// <summary>The order in which the reference gives out addresses, and what it refuses.</summary>
internal static class Allocator
{
    /// <summary>A taken candidate costs two system calls and a name in a listing about a sixth of that, so past this share of the names listing is cheaper.</summary>
    private const int ProbeShare = 8;

    private const int MinProbes = 64;

    /// <summary>
    /// One address from each set, those in <paramref name="requested"/> where they belong. All or nothing: throws
    /// <see cref="AllocationException"/> or <see cref="IOException"/> with nothing reserved.
    /// </summary>
    internal static List<Allocation> Allocate(ReservationStore store, IReadOnlyList<RangeSet> sets, in Owner owner, IReadOnlyCollection<Address> requested)
    {
        var left = new List<Address>(requested);
        var given = new List<Allocation>(sets.Count);
        try
        {
            for (int n = 0; n < sets.Count; n++)
            {
                try
                {
                    int wanted = left.FindIndex(address => sets[n].RangeFor(address) is not null);
                    given.Add(wanted < 0 ? Next(store, sets[n], n, owner) : Requested(store, sets[n], n, owner, left[wanted]));
                    if (wanted >= 0)
                        left.RemoveAt(wanted);
                }
                catch (Exception e) when (e is AllocationException or IOException)
                {
                    throw new AllocationException($"failed to allocate for range {n}: {e.Message}", e);
                }
            }
            if (left.Count > 0)
                throw new AllocationException($"failed to allocate all requested IPs: {string.Join(' ', left)}");
            return given;
        }
        catch (AllocationException)
        {
            foreach (var allocation in given)
                store.Release(allocation.Address, owner.Hash);
            throw;
        }
    }

    private static Allocation Requested(ReservationStore store, RangeSet set, int n, in Owner owner, Address address)
    {
        var range = set.RangeFor(address)!;
        if (address == range.Gateway)
            throw new AllocationException($"requested ip {address} is subnet's gateway");
        if (!store.TryReserve(address, n, owner))
            throw new AllocationException($"requested IP address {address} is not available in range set {set}{(store.HolderOf(address) is { } holder ? $": container {holder} has it" : "")}");
        return new(address, range);
    }

    private static Allocation Next(ReservationStore store, RangeSet set, int n, in Owner owner)
    {
        foreach (var held in store.FindAll(owner))
        {
            if (set.RangeFor(held) is not null)
                throw new AllocationException($"{held} has been allocated to {owner.ContainerId}, duplicate allocation is not allowed");
        }

        var last = store.Last(n);
        var taken = store.NamesAtHand;
        int probes = 0;
        int maxProbes = Math.Max(MinProbes, (store.KnownCount ?? 0) / ProbeShare);
        for (var cursor = set.After(last); cursor.MoveNext();)
        {
            if (taken is not null && taken.Contains(cursor.Current))
                continue;
            if (store.TryReserve(cursor.Current, n, owner))
                return new(cursor.Current, cursor.Range);
            if (++probes == maxProbes)
                taken = store.Names();
        }

        // A listing does not tell empty files, which a power loss leaves and TryReserve reclaims.
        foreach (var name in taken ?? [])
        {
            if (set.RangeFor(name) is { } range && name != range.Gateway && store.IsEmpty(name) && store.TryReserve(name, n, owner))
                return new(name, range);
        }
        throw new AllocationException($"no IP addresses available in range set: {set}");
    }
}

/// <summary>An address cannot be given: the request or the supply is at fault, not the disk.</summary>
internal sealed class AllocationException(string message, Exception? inner = null) : Exception(message, inner);
