namespace Patchbay.Lab.Schema;

/// <summary>What a value in a file is.</summary>
internal enum ConfigKind
{
    Null,
    Text,
    List,
    Map,
}

/// <summary>A value of a YAML or JSON file that remembers where it stands.</summary>
internal sealed class ConfigNode
{
    private ConfigNode(ConfigKind kind, Position at)
    {
        Kind = kind;
        At = at;
    }

    public ConfigKind Kind { get; }

    public Position At { get; }

    /// <summary>The text of a scalar: numbers and truth values are texts too, until somebody wants one.</summary>
    public string Text { get; private init; } = "";

    /// <summary>The scalar was written in quotes, so it is no number.</summary>
    public bool Quoted { get; private init; }

    public IReadOnlyList<ConfigNode> Items { get; private init; } = [];

    public IReadOnlyList<KeyValuePair<Located, ConfigNode>> Entries { get; private init; } = [];

    public static ConfigNode Null(Position at) => new(ConfigKind.Null, at);

    public static ConfigNode Scalar(string text, Position at, bool quoted = false) => new(ConfigKind.Text, at) { Text = text, Quoted = quoted };

    public static ConfigNode List(IReadOnlyList<ConfigNode> items, Position at) => new(ConfigKind.List, at) { Items = items };

    public static ConfigNode Map(IReadOnlyList<KeyValuePair<Located, ConfigNode>> entries, Position at) => new(ConfigKind.Map, at) { Entries = entries };

    /// <summary>The value of a key of a map; null where there is none, or no map.</summary>
    public ConfigNode? this[string key]
    {
        get
        {
            foreach (var (name, value) in Entries)
            {
                if (name.Text == key)
                    return value;
            }

            return null;
        }
    }

    /// <summary>The same map with a key added, or with another value for it.</summary>
    public ConfigNode With(string key, ConfigNode value)
    {
        var entries = new List<KeyValuePair<Located, ConfigNode>>(Entries);
        var at = entries.FindIndex(entry => entry.Key.Text == key);
        var added = KeyValuePair.Create(new Located(key, value.At), value);
        if (at < 0)
            entries.Add(added);
        else
            entries[at] = added;
        return Map(entries, At);
    }

    /// <summary>The same map without a key.</summary>
    public ConfigNode Without(string key) => Map([.. Entries.Where(entry => entry.Key.Text != key)], At);

    /// <summary>What it is, for messages.</summary>
    public string Describe() => Kind switch
    {
        ConfigKind.Null => "nothing",
        ConfigKind.List => "a list",
        ConfigKind.Map => "a map",
        _ => Text.Length > 60 ? $"\"{Text[..57]}...\"" : $"\"{Text}\"",
    };
}
