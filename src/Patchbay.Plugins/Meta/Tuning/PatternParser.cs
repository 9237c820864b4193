using System.Globalization;

namespace Patchbay.Plugins.Meta.Tuning;

/// <summary>Reads a regular expression in the syntax of RE2, which is that of the reference; flags, named Unicode classes and \C are not known here.</summary>
/// <param name="text">The expression.</param>
internal sealed class PatternParser(string text)
{
    private const int MaxRepetitions = 1000; // RE2's
    private const int MaxDepth = 100;

    private static readonly (char, char)[] Digits = [('0', '9')];
    private static readonly (char, char)[] WordCharacters = [('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];
    private static readonly (char, char)[] Spaces = [('\t', '\n'), ('\f', '\r'), (' ', ' ')];

    private int _at;
    private int _depth;

    private char Next => _at < text.Length ? text[_at] : '\0';

    /// <summary>Reads the whole.</summary>
    /// <exception cref="FormatException">It is none; the text goes on from the expression.</exception>
    internal PatternNode Parse()
    {
        var node = ParseChoice();
        return _at == text.Length ? node : throw Wrong("has a \")\" without \"(\"");
    }

    private PatternNode ParseChoice()
    {
        if (++_depth > MaxDepth)
            throw Wrong("is nested too deeply");
        var options = new List<PatternNode> { ParseSequence() };
        while (TryTake('|'))
            options.Add(ParseSequence());
        _depth--;
        return options is [var only] ? only : new PatternNode.Choice(options);
    }

    private PatternNode.Sequence ParseSequence()
    {
        var parts = new List<PatternNode>();
        while (_at < text.Length && Next is not ('|' or ')'))
        {
            var part = ParseOne();
            parts.Add(TryRepetition(out var least, out var most) ? new PatternNode.Repeat(part, least, most) : part);
            if (parts[^1] is PatternNode.Repeat)
            {
                TryTake('?'); // "as few as possible" finds the same names
                if (TryRepetition(out _, out _))
                    throw Wrong("repeats a repetition");
            }
        }

        return new PatternNode.Sequence(parts);
    }

    private PatternNode ParseOne()
    {
        var c = text[_at++];
        switch (c)
        {
            case '^': return new PatternNode.Place(PatternPlace.Begin);
            case '$': return new PatternNode.Place(PatternPlace.End);
            case '.': return new PatternNode.Set([('\n', '\n')], Negated: true);
            case '[': return ParseClass();
            case '(': return ParseGroup();
            case '\\': return ParseEscape();
            case '*' or '+' or '?': throw Wrong($"has a \"{c}\" with nothing before it to repeat");
            case '{':
                _at--;
                if (TryRepetition(out _, out _))
                    throw Wrong("has a \"{\" with nothing before it to repeat");
                _at++;
                return One(c);
            default: return One(c);
        }
    }

    private PatternNode ParseGroup()
    {
        if (TryTake('?'))
        {
            var named = Next == 'P' || Next == '<';
            if (Next == 'P')
                _at++;
            if (named ? !TryTake('<') || !SkipName() : !TryTake(':'))
                throw Wrong("has a group that begins with \"(?\" and is neither (?:…) nor (?P<name>…)");
        }

        var inside = ParseChoice();
        return TryTake(')') ? inside : throw Wrong("lacks a \")\"");
    }

    private bool SkipName()
    {
        var begin = _at;
        while (char.IsAsciiLetterOrDigit(Next) || Next == '_')
            _at++;
        return _at > begin && TryTake('>');
    }

    private PatternNode ParseEscape()
    {
        switch (Next)
        {
            case 'A': _at++; return new PatternNode.Place(PatternPlace.Begin);
            case 'z': _at++; return new PatternNode.Place(PatternPlace.End);
            case 'b': _at++; return new PatternNode.Place(PatternPlace.WordEdge);
            case 'B': _at++; return new PatternNode.Place(PatternPlace.NoWordEdge);
            default: return TryClassEscape() ?? One(ParseCharacterEscape());
        }
    }

    // After the backslash: \d and its like; null when it is another escape.
    private PatternNode.Set? TryClassEscape()
    {
        (char, char)[]? ranges = char.ToLowerInvariant(Next) switch { 'd' => Digits, 'w' => WordCharacters, 's' => Spaces, _ => null };
        return ranges is null ? null : new PatternNode.Set(ranges, Negated: char.IsAsciiLetterUpper(text[_at++]));
    }

    private char ParseCharacterEscape()
    {
        if (_at == text.Length)
            throw Wrong("ends in a backslash");
        var c = text[_at++];
        return c switch
        {
            'a' => '\a', 'f' => '\f', 'n' => '\n', 'r' => '\r', 't' => '\t', 'v' => '\v',
            'x' => ParseHexadecimal(),
            _ when char.IsAsciiLetterOrDigit(c) || c >= 0x80 => throw Wrong($"has the unknown escape \"\\{c}\""),
            _ => c,
        };
    }

    private char ParseHexadecimal()
    {
        var braces = TryTake('{');
        var end = braces ? text.IndexOf('}', _at) : _at + 2;
        if (end < 0 || end > text.Length || !ushort.TryParse(text.AsSpan(_at, end - _at), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number))
            throw Wrong("has an \"\\x\" without a hexadecimal number");
        _at = braces ? end + 1 : end;
        return (char)number;
    }

    private PatternNode.Set ParseClass()
    {
        var negated = TryTake('^');
        var ranges = new List<(char, char)>();
        for (var first = true; first || Next != ']'; first = false)
        {
            if (_at == text.Length)
                throw Wrong("lacks a \"]\"");
            if (TryNamedClass(ranges) || (Next == '\\' && TryClassEscapeInClass(ranges)))
                continue;
            var from = ParseClassCharacter();
            var to = from;
            if (Next == '-' && _at + 1 < text.Length && text[_at + 1] != ']')
            {
                _at++;
                to = ParseClassCharacter();
            }

            if (to < from)
                throw Wrong($"has the range {from}-{to}, which is the wrong way round");
            ranges.Add((from, to));
        }

        _at++;
        return new PatternNode.Set(ranges, negated);
    }

    private bool TryClassEscapeInClass(List<(char, char)> ranges)
    {
        _at++;
        if (TryClassEscape() is { } set)
        {
            Add(ranges, set.Ranges, set.Negated);
            return true;
        }

        _at--;
        return false;
    }

    private char ParseClassCharacter()
    {
        if (_at == text.Length)
            throw Wrong("lacks a \"]\"");
        var c = text[_at++];
        return c == '\\' ? ParseCharacterEscape() : c;
    }

    // [:alpha:]
    private bool TryNamedClass(List<(char, char)> ranges)
    {
        if (Next != '[' || _at + 1 >= text.Length || text[_at + 1] != ':')
            return false;
        var end = text.IndexOf(":]", _at + 2, StringComparison.Ordinal);
        if (end < 0)
            return false;
        var name = text[(_at + 2)..end];
        var negated = name.StartsWith('^');
        (char, char)[] found = name.TrimStart('^') switch
        {
            "alnum" => [('0', '9'), ('A', 'Z'), ('a', 'z')],
            "alpha" => [('A', 'Z'), ('a', 'z')],
            "ascii" => [('\0', '\x7f')],
            "blank" => [('\t', '\t'), (' ', ' ')],
            "cntrl" => [('\0', '\x1f'), ('\x7f', '\x7f')],
            "digit" => Digits,
            "graph" => [('!', '~')],
            "lower" => [('a', 'z')],
            "print" => [(' ', '~')],
            "punct" => [('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
            "space" => [('\t', '\r'), (' ', ' ')],
            "upper" => [('A', 'Z')],
            "word" => WordCharacters,
            "xdigit" => [('0', '9'), ('A', 'F'), ('a', 'f')],
            _ => throw Wrong($"has the unknown class [:{name}:]"),
        };
        Add(ranges, found, negated);
        _at = end + 2;
        return true;
    }

    private static void Add(List<(char, char)> ranges, IReadOnlyList<(char First, char Last)> more, bool negated)
    {
        if (!negated)
        {
            ranges.AddRange(more);
            return;
        }

        var from = 0;
        foreach (var (first, last) in more) // in order, without overlap
        {
            if (first > from)
                ranges.Add(((char)from, (char)(first - 1)));
            from = last + 1;
        }

        ranges.Add(((char)from, char.MaxValue));
    }

    private bool TryRepetition(out int least, out int most)
    {
        (least, most) = Next switch { '*' => (0, -1), '+' => (1, -1), '?' => (0, 1), _ => (-1, -1) };
        if (least >= 0)
        {
            _at++;
            return true;
        }

        // {m}, {m,} or {m,n}; all else is a brace
        var end = Next == '{' ? text.IndexOf('}', _at) : -1;
        if (end < 0)
            return false;
        var parts = text[(_at + 1)..end].Split(',');
        if (parts.Length > 2 || !TryNumber(parts[0], out least))
            return false;
        most = least;
        if (parts.Length == 2 && parts[1].Length == 0)
            most = -1;
        else if (parts.Length == 2 && !TryNumber(parts[1], out most))
            return false;
        if (least > MaxRepetitions || most > MaxRepetitions || (most >= 0 && most < least))
            throw Wrong($"has the repetition {text[_at..(end + 1)]}: want numbers of at most {MaxRepetitions}, the smaller first");
        _at = end + 1;
        return true;
    }

    private static bool TryNumber(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);

    private bool TryTake(char c)
    {
        if (_at >= text.Length || text[_at] != c)
            return false;
        _at++;
        return true;
    }

    private static PatternNode.Set One(char c) => new([(c, c)], Negated: false);

    private static FormatException Wrong(string problem) => new(problem);
}
