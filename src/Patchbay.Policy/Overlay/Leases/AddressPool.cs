using System.Security.Cryptography;
using Patchbay.Policy.Agent.Containers;

namespace Patchbay.Policy.Overlay.Leases;

/// <summary>What can be leased of a network: blocks of one size, and the addresses of the first block, which is kept for hosts that need one address only.</summary>
internal sealed class AddressPool
{
    /// <exception cref="InvalidDataException">The network has no two blocks of that size.</exception>
    internal AddressPool(Subnet network, int prefixLength)
    {
        // As many as that are numbers that fit.
        if (prefixLength is < 1 or > 30 || prefixLength <= network.Length || prefixLength - network.Length > 20)
            throw new InvalidDataException($"subnet_prefix_length is {prefixLength}; for network {network} it must be from {network.Length + 1} to {Math.Min(30, network.Length + 20)}");
        Network = network;
        PrefixLength = prefixLength;
    }

    internal Subnet Network { get; }

    internal int PrefixLength { get; }

    /// <summary>How many blocks can be leased.</summary>
    internal int Blocks => (1 << (PrefixLength - Network.Length)) - 1;

    private int Singles => (1 << Math.Min(32 - PrefixLength, 24)) - 1;

    /// <summary>Whether it is one of the blocks or addresses to lease.</summary>
    internal bool IsMember(Subnet subnet) =>
        Network.Contains(subnet) && (subnet.Length == PrefixLength || subnet.IsSingle) && subnet.IsSingle == FirstBlock.Contains(subnet.Base) && subnet.Base != Network.Base;

    /// <summary>A free one, at random, so that hosts that ask at once seldom want the same one.</summary>
    /// <param name="taken">All that are leased, of whatever size.</param>
    /// <param name="single">An address of the first block, or a block.</param>
    /// <returns>Null when there is none.</returns>
    internal Subnet? FindFree(IReadOnlyCollection<Subnet> taken, bool single)
    {
        int length = single ? 32 : PrefixLength, count = single ? Singles : Blocks;
        var numbers = new HashSet<int>();
        foreach (Subnet each in taken.Where(Network.Overlaps))
        {
            // From a time when blocks had another size, one may be several of today's.
            int first = NumberOf(each.Base, length), last = NumberOf(each.Last, length);
            for (int number = Math.Max(first, 1); number <= Math.Min(last, count); number++)
                numbers.Add(number);
        }

        int start = RandomNumberGenerator.GetInt32(count);
        for (int offset = 0; offset < count; offset++)
        {
            int number = 1 + ((start + offset) % count);
            if (!numbers.Contains(number))
                return new Subnet(new Ipv4(Network.Base.Number + ((uint)number << (32 - length))), length);
        }

        return null;
    }

    private Subnet FirstBlock => new(Network.Base, PrefixLength);

    // Number 0 is the first block, or the network's own address.
    private int NumberOf(Ipv4 address, int length)
    {
        uint number = (Math.Max(address.Number, Network.Base.Number) - Network.Base.Number) >> (32 - length);
        return (int)Math.Min(number, int.MaxValue - 1);
    }
}
