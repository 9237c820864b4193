namespace Patchbay.Netlink.Netfilter;

/// <summary>Type of a set's key or of a map's data, by the numbers that nft(8) gives them (the kernel only stores those).</summary>
/// <param name="Number">nft's number; of a concatenation six bits a part.</param>
/// <param name="Length">Bytes; of a concatenation each part is filled up to four.</param>
/// <param name="BigEndian">True when values are in network order, false when in the machine's.</param>
public sealed record NftDataType(uint Number, int Length, bool BigEndian = true)
{
    /// <summary>NFT_DATA_VERDICT: the data of a verdict map.</summary>
    public static NftDataType Verdict { get; } = new(0xffffff00, 0);

    /// <summary><c>integer</c> of 32 bits in the machine's order.</summary>
    public static NftDataType Integer { get; } = new(4, 4, BigEndian: false);

    /// <summary><c>ipv4_addr</c>.</summary>
    public static NftDataType Ipv4Address { get; } = new(7, 4);

    /// <summary><c>ipv6_addr</c>.</summary>
    public static NftDataType Ipv6Address { get; } = new(8, 16);

    /// <summary><c>ether_addr</c>.</summary>
    public static NftDataType EthernetAddress { get; } = new(9, 6);

    /// <summary><c>inet_proto</c>: transport protocol.</summary>
    public static NftDataType InetProtocol { get; } = new(12, 1);

    /// <summary><c>inet_service</c>: port.</summary>
    public static NftDataType InetService { get; } = new(13, 2);

    /// <summary><c>mark</c>.</summary>
    public static NftDataType Mark { get; } = new(19, 4, BigEndian: false);

    /// <summary><c>ifname</c>: 16 bytes filled up with zeros.</summary>
    public static NftDataType InterfaceName { get; } = new(41, 16, BigEndian: false);

    /// <summary>The parts of a concatenation; empty for a simple type.</summary>
    public IReadOnlyList<NftDataType> Parts { get; private init; } = [];

    /// <summary>A concatenation, such as <c>ipv4_addr . inet_service</c>.</summary>
    /// <param name="parts">Two to five simple types.</param>
    /// <returns>The type.</returns>
    public static NftDataType Concatenation(params IReadOnlyList<NftDataType> parts)
    {
        ArgumentNullException.ThrowIfNull(parts);
        ArgumentOutOfRangeException.ThrowIfLessThan(parts.Count, 2, nameof(parts));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(parts.Count, 5, nameof(parts));
        uint number = 0;
        var length = 0;
        foreach (var part in parts)
        {
            number = (number << 6) | part.Number;
            length += (part.Length + 3) & ~3;
        }

        return new NftDataType(number, length) { Parts = parts };
    }

    /// <summary>The type by nft's number; a concatenation's number holds six bits a part.</summary>
    internal static NftDataType FromKernel(uint number, int length)
    {
        if (number == Verdict.Number)
            return Verdict;
        if (number < 64 || number > 0x3fffffff)
            return Simple(number) ?? new NftDataType(number, length);
        var parts = new List<NftDataType>();
        for (var rest = number; rest != 0; rest >>= 6)
            parts.Insert(0, Simple(rest & 63) ?? new NftDataType(rest & 63, 4));
        return new NftDataType(number, length) { Parts = parts };
    }

    private static NftDataType? Simple(uint number) => number switch
    {
        4 => Integer,
        7 => Ipv4Address,
        8 => Ipv6Address,
        9 => EthernetAddress,
        12 => InetProtocol,
        13 => InetService,
        19 => Mark,
        41 => InterfaceName,
        _ => null,
    };

    /// <summary>nft's enum byteorder: 0 unknown, 1 the machine's, 2 the network's.</summary>
    internal uint ByteOrder => Parts.Count > 0 || Length == 0 ? 0u : BigEndian ? 2u : 1u;
}
