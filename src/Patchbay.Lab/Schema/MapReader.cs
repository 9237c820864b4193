using System.Globalization;

namespace Patchbay.Lab.Schema;

/// <summary>Reads the keys of one map; what is not as expected, and what nobody asked for, becomes a <see cref="Problem"/>.</summary>
internal sealed class MapReader
{
    private readonly ConfigNode _map;
    private readonly Problems _problems;
    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    public MapReader(ConfigNode map, string path, Problems problems)
    {
        _map = map;
        Path = path;
        _problems = problems;
        if (map.Kind != ConfigKind.Map)
            Expected(map, path, "a map");
    }

    /// <summary>The map's own key: <c>links[2]</c>.</summary>
    public string Path { get; }

    public Position At => _map.At;

    public bool IsMap => _map.Kind == ConfigKind.Map;

    public bool Has(string key) => Find(key) is not null;

    /// <summary>The value of a key; null where there is none or it is empty.</summary>
    public ConfigNode? Find(string key)
    {
        _known.Add(key);
        return _map[key] is { Kind: not ConfigKind.Null } found ? found : null;
    }

    public Position AtOf(string key) => _map[key]?.At ?? _map.At;

    public void Problem(string key, string message) => _problems.Add(AtOf(key), PathOf(key), message);

    public string PathOf(string key) => Path.Length == 0 ? key : key.Length == 0 ? Path : $"{Path}.{key}";

    public Located? Text(string key, bool required = false, int longest = 4096)
    {
        var found = Find(key);
        if (found is null)
        {
            if (required && IsMap)
                _problems.Add(_map.At, Path, $"expected the key \"{key}\"");
            return null;
        }

        return Scalar(found, PathOf(key), longest);
    }

    /// <summary>A text that must be one of a few.</summary>
    public string? Choice(string key, params ReadOnlySpan<string> choices)
    {
        if (Text(key) is not { } text)
            return null;
        foreach (var choice in choices)
        {
            if (choice == text.Text)
                return choice;
        }

        _problems.Add(text.At, PathOf(key), $"expected one of {string.Join(", ", choices)}, found \"{text.Text}\"");
        return null;
    }

    public int? Integer(string key, int least, int most)
    {
        if (Find(key) is not { } found)
            return null;
        // Masks are written in hexadecimal digits.
        if (found.Kind == ConfigKind.Text && (found.Text.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
                ? int.TryParse(found.Text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
                : int.TryParse(found.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value)) && value >= least && value <= most)
            return value;
        Expected(found, PathOf(key), $"a number from {least} to {most}");
        return null;
    }

    public double? Decimal(string key, double least, double most)
    {
        if (Find(key) is not { } found)
            return null;
        if (found.Kind == ConfigKind.Text && double.TryParse(found.Text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most)
            return value;
        Expected(found, PathOf(key), string.Create(CultureInfo.InvariantCulture, $"a number from {least} to {most}"));
        return null;
    }

    public bool? Flag(string key)
    {
        if (Find(key) is not { } found)
            return null;
        switch (found.Kind == ConfigKind.Text ? found.Text : "")
        {
            case "true" or "True" or "TRUE" or "yes" or "on": return true;
            case "false" or "False" or "FALSE" or "no" or "off": return false;
            default:
                Expected(found, PathOf(key), "true or false");
                return null;
        }
    }

    /// <summary>A text, or a list of them.</summary>
    public IReadOnlyList<Located> Texts(string key)
    {
        if (Find(key) is not { } found)
            return [];
        if (found.Kind != ConfigKind.List)
            return Scalar(found, PathOf(key)) is { } single ? [single] : [];
        var texts = new List<Located>();
        foreach (var (i, item) in found.Items.Index())
        {
            if (Scalar(item, $"{PathOf(key)}[{i}]") is { } text)
                texts.Add(text);
        }

        return texts;
    }

    public IEnumerable<(ConfigNode Node, string Path)> List(string key)
    {
        if (Find(key) is not { } found)
            yield break;
        if (found.Kind != ConfigKind.List)
        {
            Expected(found, PathOf(key), "a list");
            yield break;
        }

        foreach (var (i, item) in found.Items.Index())
            yield return (item, $"{PathOf(key)}[{i}]");
    }

    public MapReader? Map(string key) => Find(key) is { } found ? new MapReader(found, PathOf(key), _problems) : null;

    /// <summary>Reports the keys that nobody asked for.</summary>
    public void Finish()
    {
        foreach (var (key, _) in _map.Entries)
        {
            if (_known.Contains(key.Text))
                continue;
            var near = _known.MinBy(known => Distance(known, key.Text));
            var hint = near is not null && Distance(near, key.Text) <= 2 ? $"; did you mean \"{near}\"?" : "";
            _problems.Add(key.At, PathOf(key.Text), $"unknown key, expected one of {string.Join(", ", _known.Order(StringComparer.Ordinal))}{hint}");
        }
    }

    private Located? Scalar(ConfigNode node, string path, int longest = 4096)
    {
        if (node.Kind != ConfigKind.Text)
        {
            Expected(node, path, "a text");
            return null;
        }

        if (node.Text.Length > longest)
        {
            _problems.Add(node.At, path, $"expected at most {longest} characters, found {node.Text.Length}");
            return null;
        }

        return new Located(node.Text, node.At);
    }

    private void Expected(ConfigNode node, string path, string what) => _problems.Add(node.At, path, $"expected {what}, found {node.Describe()}");

    // Levenshtein's distance, for keys of a few letters.
    private static int Distance(string a, string b)
    {
        if (Math.Abs(a.Length - b.Length) > 2 || b.Length > 40)
            return int.MaxValue;
        var row = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
            row[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var above = row[j];
                row[j] = Math.Min(Math.Min(row[j] + 1, row[j - 1] + 1), diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[b.Length];
    }
}
