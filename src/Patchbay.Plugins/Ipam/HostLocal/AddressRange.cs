using System.Globalization;

namespace Patchbay.Plugins.Ipam.HostLocal;

/// <summary>The addresses from <see cref="Start"/> to <see cref="End"/> of one subnet, except its gateway.</summary>
internal sealed class AddressRange
{
    /// <summary>The first address of the subnet, with all host bits clear.</summary>
    internal required Address Network { get; init; }

    internal required int PrefixLength { get; init; }

    internal required Address Start { get; init; }

    internal required Address End { get; init; }

    /// <summary>Never given out by this range. It may lie outside of the subnet.</summary>
    internal required Address Gateway { get; init; }

    /// <summary>Fills in what the configuration left out. Throws <see cref="FormatException"/> with the texts that users of the reference know.</summary>
    internal static AddressRange Create(string subnet, string? start = null, string? end = null, string? gateway = null)
    {
        var (network, length) = ParseSubnet(subnet);
        if (length > network.Width - 2)
            throw new FormatException($"Network {network}/{length} too small to allocate from");
        var host = HostMask(network, length);
        if ((network.Bits & host) != 0)
            throw new FormatException(
                $"Network has host bits set. For a subnet mask of length {length} the network address is {new Address(network.Bits & ~host)}");

        var last = new Address(network.Bits | host);
        var range = new AddressRange
        {
            Network = network,
            PrefixLength = length,
            Gateway = Parse(gateway) ?? network.Next,
            Start = Parse(start) ?? network.Next,
            End = Parse(end) ?? (network.IsV4 ? new Address(last.Bits - 1) : last), // without the broadcast address
        };
        if (range.Start < network || range.Start > last || (end is not null && range.Start > range.End))
            throw new FormatException($"RangeStart {range.Start} not in network {network}/{length}");
        if (range.End < range.Start || range.End > last)
            throw new FormatException($"RangeEnd {range.End} not in network {network}/{length}");
        return range;
    }

    internal bool Contains(Address address) => address >= Start && address <= End;

    internal bool Overlaps(AddressRange other) => Start <= other.End && other.Start <= End;

    /// <summary>How many addresses can be given out.</summary>
    internal UInt128 Capacity => End.Bits - Start.Bits + (Contains(Gateway) ? 0u : 1u);

    public override string ToString() => $"{Start}-{End}";

    private static UInt128 HostMask(Address network, int length)
        => length == 0 && !network.IsV4 ? UInt128.MaxValue : (UInt128.One << (network.Width - length)) - 1;

    private static (Address Network, int Length) ParseSubnet(string text)
    {
        int slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash > 0 && Address.TryParse(text.AsSpan(0, slash), out var network)
            && int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int length) && length <= network.Width)
            return (network, length);
        throw new FormatException($"invalid CIDR address: {text}");
    }

    private static Address? Parse(string? text)
    {
        if (string.IsNullOrEmpty(text))
            return null;
        return Address.TryParse(text, out var address) ? address : throw new FormatException($"invalid IP address: {text}");
    }
}
