using Patchbay.Netlink.Netfilter;

namespace Patchbay.Policy.Agent.Native;

/// <summary>What tells elements of a set apart: the bytes of the key, and of its end where it is a range.</summary>
internal readonly struct ElementKey(NftSetElement element) : IEquatable<ElementKey>
{
    private readonly NftSetElement _element = element;

    public bool Equals(ElementKey other) => _element.Key.Span.SequenceEqual(other._element.Key.Span) && _element.LastKey.Span.SequenceEqual(other._element.LastKey.Span);

    public override bool Equals(object? obj) => obj is ElementKey other && Equals(other);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(_element.Key.Span);
        hash.AddBytes(_element.LastKey.Span);
        return hash.ToHashCode();
    }

    /// <summary>Whether two elements of equal keys say the same.</summary>
    internal static bool SameContent(NftSetElement one, NftSetElement other) =>
        one.Comment == other.Comment && one.Data.Verdict == other.Data.Verdict && one.Data.Value.Span.SequenceEqual(other.Data.Value.Span);
}
