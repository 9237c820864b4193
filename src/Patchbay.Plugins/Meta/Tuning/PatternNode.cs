namespace Patchbay.Plugins.Meta.Tuning;

/// <summary>A part of a regular expression.</summary>
internal abstract record PatternNode
{
    /// <summary>One character out of ranges, or one that is in none of them.</summary>
    internal sealed record Set(IReadOnlyList<(char First, char Last)> Ranges, bool Negated) : PatternNode
    {
        internal bool Contains(char c)
        {
            foreach (var (first, last) in Ranges)
            {
                if (c >= first && c <= last)
                    return !Negated;
            }

            return Negated;
        }
    }

    /// <summary>A place between characters.</summary>
    internal sealed record Place(PatternPlace Where) : PatternNode;

    /// <summary>One after the other; none is the empty text.</summary>
    internal sealed record Sequence(IReadOnlyList<PatternNode> Parts) : PatternNode;

    /// <summary>Any of several.</summary>
    internal sealed record Choice(IReadOnlyList<PatternNode> Options) : PatternNode;

    /// <summary>The same several times; Most is -1 for without end.</summary>
    internal sealed record Repeat(PatternNode What, int Least, int Most) : PatternNode;
}

/// <summary>Places between characters.</summary>
internal enum PatternPlace
{
    /// <summary><c>^</c>.</summary>
    Begin,

    /// <summary><c>$</c>.</summary>
    End,

    /// <summary><c>\b</c>: between a letter, digit or underscore and something else.</summary>
    WordEdge,

    /// <summary><c>\B</c>.</summary>
    NoWordEdge,
}
