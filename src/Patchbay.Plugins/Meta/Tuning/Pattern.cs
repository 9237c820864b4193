namespace Patchbay.Plugins.Meta.Tuning;

/// <summary>A regular expression; looking for it takes time in proportion to its size and the text's, whatever it is.</summary>
/// <remarks>
/// .NET's own would make the executable larger by a quarter, for a file that few hosts have, and reads some expressions otherwise than RE2 does, with which these files are
/// written. All states that the expression can be in are followed at once (Thompson, "Regular expression search algorithm", 1968).
/// </remarks>
internal sealed class Pattern
{
    private const int MaxInstructions = 20_000;

    private readonly string _text;
    private readonly List<Instruction> _program = [];

    private Pattern(string text) => _text = text;

    /// <summary>Reads an expression.</summary>
    /// <exception cref="FormatException">It is none; the text goes on from the expression.</exception>
    internal static Pattern Parse(string text)
    {
        var pattern = new Pattern(text);
        pattern.Compile(new PatternParser(text).Parse());
        pattern.Emit(new Instruction(Operation.Found));
        return pattern;
    }

    /// <summary>True when some part of the text matches.</summary>
    internal bool IsFoundIn(string text)
    {
        var states = new List<int>();
        var next = new List<int>();
        var seen = new int[_program.Count]; // the position, from 1, at which a state was last entered
        for (var at = 0; at <= text.Length; at++)
        {
            if (Enter(0, text, at, states, seen)) // a match may begin at every place
                return true;
            if (at == text.Length)
                break;
            next.Clear();
            foreach (var state in states)
            {
                if (_program[state].Set!.Contains(text[at]) && Enter(state + 1, text, at + 1, next, seen))
                    return true;
            }

            (states, next) = (next, states);
        }

        return false;
    }

    /// <summary>The expression as written.</summary>
    public override string ToString() => _text;

    // Follows all that needs no character. True when the end of the expression is reached.
    private bool Enter(int first, string text, int at, List<int> states, int[] seen)
    {
        var waiting = new Stack<int>();
        waiting.Push(first);
        while (waiting.TryPop(out var state))
        {
            if (seen[state] == at + 1)
                continue;
            seen[state] = at + 1;
            var instruction = _program[state];
            switch (instruction.Operation)
            {
                case Operation.Found:
                    return true;
                case Operation.Character:
                    states.Add(state);
                    break;
                case Operation.Place:
                    if (IsAt(instruction.Where, text, at))
                        waiting.Push(state + 1);
                    break;
                default:
                    waiting.Push(instruction.Target);
                    if (instruction.Operation == Operation.Split)
                        waiting.Push(state + 1);
                    break;
            }
        }

        return false;
    }

    private static bool IsAt(PatternPlace place, string text, int at) => place switch
    {
        PatternPlace.Begin => at == 0,
        PatternPlace.End => at == text.Length,
        _ => (IsWord(text, at - 1) != IsWord(text, at)) == (place == PatternPlace.WordEdge),
    };

    private static bool IsWord(string text, int at) => at >= 0 && at < text.Length && (char.IsAsciiLetterOrDigit(text[at]) || text[at] == '_');

    private void Compile(PatternNode node)
    {
        switch (node)
        {
            case PatternNode.Set set:
                Emit(new Instruction(Operation.Character, Set: set));
                break;
            case PatternNode.Place place:
                Emit(new Instruction(Operation.Place, Where: place.Where));
                break;
            case PatternNode.Sequence sequence:
                foreach (var part in sequence.Parts)
                    Compile(part);
                break;
            case PatternNode.Choice choice:
                CompileChoice(choice.Options);
                break;
            case PatternNode.Repeat repeat:
                CompileRepeat(repeat);
                break;
        }
    }

    private void CompileChoice(IReadOnlyList<PatternNode> options)
    {
        var jumps = new List<int>();
        for (var i = 0; i < options.Count - 1; i++)
        {
            var split = Emit(new Instruction(Operation.Split));
            Compile(options[i]);
            jumps.Add(Emit(new Instruction(Operation.Jump)));
            SetTarget(split);
        }

        Compile(options[^1]);
        jumps.ForEach(SetTarget);
    }

    private void CompileRepeat(PatternNode.Repeat repeat)
    {
        for (var i = 0; i < repeat.Least; i++)
            Compile(repeat.What);
        if (repeat.Most < 0)
        {
            var split = Emit(new Instruction(Operation.Split));
            Compile(repeat.What);
            Emit(new Instruction(Operation.Jump, Target: split));
            SetTarget(split);
            return;
        }

        var ends = new List<int>();
        for (var i = repeat.Least; i < repeat.Most; i++)
        {
            ends.Add(Emit(new Instruction(Operation.Split)));
            Compile(repeat.What);
        }

        ends.ForEach(SetTarget);
    }

    private int Emit(Instruction instruction)
    {
        if (_program.Count == MaxInstructions)
            throw new FormatException("is too large");
        _program.Add(instruction);
        return _program.Count - 1;
    }

    private void SetTarget(int instruction) => _program[instruction] = _program[instruction] with { Target = _program.Count };

    private enum Operation
    {
        Character,
        Place,
        Split,
        Jump,
        Found,
    }

    private readonly record struct Instruction(Operation Operation, int Target = 0, PatternNode.Set? Set = null, PatternPlace Where = default);
}
