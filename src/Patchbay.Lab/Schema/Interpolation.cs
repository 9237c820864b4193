using System.Text;

namespace Patchbay.Lab.Schema;

/// <summary>
/// Variables in texts, as in compose files: <c>$N</c>, <c>${N}</c>, <c>${N:-default}</c>, <c>${N-default}</c>, <c>${N:?message}</c>,
/// <c>${N?message}</c>; <c>$$</c> is a dollar, and so is one that begins nothing. An unset variable is empty.
/// </summary>
internal sealed class Interpolation(Func<string, string?> variables, Problems problems)
{
    private const int MostValues = 500_000;
    private const int MostText = 1 << 16;

    private readonly Dictionary<string, string?> _used = new(StringComparer.Ordinal);
    private int _values;

    /// <summary>The variables that were asked for, with what they were: what is needed to read the same files again.</summary>
    public IReadOnlyDictionary<string, string?> Used => _used;

    /// <exception cref="LabFileException">Aliases of aliases make more values than any lab has.</exception>
    public ConfigNode Apply(ConfigNode node)
    {
        if (++_values > MostValues)
            throw new LabFileException(node.At, "", $"the file stands for more than {MostValues} values: aliases inside of what other aliases repeat");
        switch (node.Kind)
        {
            case ConfigKind.Text when node.Text.Contains('$', StringComparison.Ordinal):
                return ConfigNode.Scalar(Apply(node.Text, node.At), node.At, node.Quoted);
            case ConfigKind.List:
                return ConfigNode.List([.. node.Items.Select(Apply)], node.At);
            case ConfigKind.Map:
                return ConfigNode.Map([.. node.Entries.Select(entry => KeyValuePair.Create(entry.Key, Apply(entry.Value)))], node.At);
            default:
                return node;
        }
    }

    private string Apply(string text, Position at)
    {
        var result = new StringBuilder();
        for (var i = 0; i < text.Length;)
        {
            if (text[i] != '$')
            {
                result.Append(text[i++]);
                continue;
            }

            if (i + 1 < text.Length && text[i + 1] == '$')
            {
                result.Append('$');
                i += 2;
            }
            else if (i + 1 < text.Length && text[i + 1] == '{' && text.IndexOf('}', i) is > 0 and var end && NameLength(text, i + 2) is > 0 and var length)
            {
                result.Append(Braced(text[(i + 2)..(i + 2 + length)], text[(i + 2 + length)..end], at));
                i = end + 1;
            }
            else if (NameLength(text, i + 1) is > 0 and var plain)
            {
                result.Append(Value(text[(i + 1)..(i + 1 + plain)]));
                i += 1 + plain;
            }
            else
            {
                result.Append(text[i++]);
            }

            if (result.Length > MostText)
            {
                problems.Add(at, "", $"with its variables the text is longer than {MostText} characters");
                return "";
            }
        }

        return result.ToString();
    }

    private string? Braced(string name, string rest, Position at)
    {
        var value = Value(name);
        var colon = rest.StartsWith(':');
        var missing = colon ? string.IsNullOrEmpty(value) : value is null;
        var operation = rest.Length > (colon ? 1 : 0) ? rest[colon ? 1 : 0] : '\0';
        var word = rest.Length == 0 ? "" : rest[Math.Min(colon ? 2 : 1, rest.Length)..];
        switch (operation)
        {
            case '-':
                return missing ? word : value;
            case '?':
                if (missing)
                    problems.Add(at, "", $"the variable {name} is {(value is null ? "not set" : "empty")}{(word.Length == 0 ? "" : $": {word}")}");
                return value;
            default:
                if (rest.Length > 0)
                    problems.Add(at, "", $"expected ${{{name}}}, ${{{name}:-default}} or ${{{name}:?message}}, found \"${{{name}{rest}}}\"");
                return value;
        }
    }

    private string? Value(string name) => _used.TryGetValue(name, out var known) ? known : _used[name] = variables(name);

    private static int NameLength(string text, int start)
    {
        var at = start;
        while (at < text.Length && (text[at] == '_' || char.IsAsciiLetter(text[at]) || (at > start && char.IsAsciiDigit(text[at]))))
            at++;
        return at - start;
    }
}
