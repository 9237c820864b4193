using System.Globalization;

namespace Patchbay.Cni.Model;

/// <summary>A version of the CNI specification: at most three dotted numbers, the missing ones are 0.</summary>
/// <param name="Major">First number.</param>
/// <param name="Minor">Second number.</param>
/// <param name="Micro">Third number.</param>
public readonly record struct SpecVersion(int Major, int Minor, int Micro) : IComparable<SpecVersion>
{
    /// <summary>0.1.0, which a configuration without <c>cniVersion</c> has.</summary>
    public static SpecVersion V010 => new(0, 1, 0);

    /// <summary>0.2.0: VERSION and CNI_ARGS.</summary>
    public static SpecVersion V020 => new(0, 2, 0);

    /// <summary>0.3.0: interfaces, lists, prevResult, capabilities.</summary>
    public static SpecVersion V030 => new(0, 3, 0);

    /// <summary>0.3.1: the key <c>ips</c> spelt right.</summary>
    public static SpecVersion V031 => new(0, 3, 1);

    /// <summary>0.4.0: CHECK, and prevResult on DEL.</summary>
    public static SpecVersion V040 => new(0, 4, 0);

    /// <summary>1.0.0: single-plugin files and <c>ips.version</c> dropped.</summary>
    public static SpecVersion V100 => new(1, 0, 0);

    /// <summary>1.1.0: GC, STATUS, cniVersions.</summary>
    public static SpecVersion V110 => new(1, 1, 0);

    /// <summary>The newest version that this library speaks.</summary>
    public static SpecVersion Newest => V110;

    /// <summary>Every released version, oldest first.</summary>
    public static IReadOnlyList<SpecVersion> All { get; } = [V010, V020, V030, V031, V040, V100, V110];

    /// <summary>True for 0.1.0 and 0.2.0, whose results are <c>ip4</c> and <c>ip6</c>.</summary>
    public bool HasFlatResult => this < V030;

    /// <summary>Reads a version; nothing at all means 0.1.0.</summary>
    /// <param name="text">The text of <c>cniVersion</c>, or null.</param>
    /// <returns>The version.</returns>
    /// <exception cref="CniException">Code 6: the text is not a version.</exception>
    public static SpecVersion Parse(string? text) =>
        TryParse(text, out SpecVersion version)
            ? version
            : throw new CniException(CniError.DecodingFailure, $"invalid CNI version \"{text}\": want at most three dotted numbers, such as 1.0.0");

    /// <summary>Reads a version; nothing at all means 0.1.0.</summary>
    /// <param name="text">The text of <c>cniVersion</c>, or null.</param>
    /// <param name="version">The version, when the text is one.</param>
    /// <returns>False when the text is not a version.</returns>
    public static bool TryParse(string? text, out SpecVersion version)
    {
        version = V010;
        if (string.IsNullOrEmpty(text))
            return true;

        Span<int> numbers = [0, 0, 0];
        int count = 0;
        foreach (Range part in text.AsSpan().Split('.'))
        {
            if (count == 3 || !int.TryParse(text.AsSpan(part), NumberStyles.None, CultureInfo.InvariantCulture, out numbers[count++]))
                return false;
        }

        version = new SpecVersion(numbers[0], numbers[1], numbers[2]);
        return true;
    }

    /// <inheritdoc/>
    public int CompareTo(SpecVersion other) => (Major, Minor, Micro).CompareTo((other.Major, other.Minor, other.Micro));

    /// <summary>The dotted text, always three numbers.</summary>
    /// <returns>For example <c>1.0.0</c>.</returns>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Major}.{Minor}.{Micro}");

    /// <summary>Older than.</summary>
    /// <param name="left">One version.</param>
    /// <param name="right">The other.</param>
    public static bool operator <(SpecVersion left, SpecVersion right) => left.CompareTo(right) < 0;

    /// <summary>Newer than.</summary>
    /// <param name="left">One version.</param>
    /// <param name="right">The other.</param>
    public static bool operator >(SpecVersion left, SpecVersion right) => left.CompareTo(right) > 0;

    /// <summary>Not newer than.</summary>
    /// <param name="left">One version.</param>
    /// <param name="right">The other.</param>
    public static bool operator <=(SpecVersion left, SpecVersion right) => left.CompareTo(right) <= 0;

    /// <summary>Not older than.</summary>
    /// <param name="left">One version.</param>
    /// <param name="right">The other.</param>
    public static bool operator >=(SpecVersion left, SpecVersion right) => left.CompareTo(right) >= 0;
}
