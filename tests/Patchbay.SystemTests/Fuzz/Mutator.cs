using System.Text;
using System.Text.Json.Nodes;

namespace Patchbay.SystemTests.Fuzz;

/// <summary>Makes damaged configurations of valid ones: other types, other values, keys gone or twice, broken text. The same seed gives the same.</summary>
internal sealed class Mutator(int seed, IReadOnlyList<JsonNode> corpus)
{
    // Keys whose value is a place on disk: what replaces it must not lead out of the test's own directories.
    private static readonly string[] Places = ["dataDir", "subnetFile", "daemonSocketPath", "adminSocket", "resolvConf", "iptables_lock_file"];

    private static readonly string[] Values =
    [
        "null", "true", "false", "0", "1", "-1", "7", "4095", "65535", "65536", "2147483647", "2147483648", "4294967295", "4294967296", "9223372036854775807",
        "18446744073709551616", "1e3", "1.5", "-0.0", "1e400", "[]", "{}", "[[]]", "[{}]", "[null]", "{\"a\":1}", "\"\"", "\" \"", "\"0\"", "\"-1\"", "\"true\"",
        "\"..\"", "\"../../x\"", "\"a/b\"", "\"eth0\"", "\"lo\"", "\"no-such\"", "\"0123456789abcdef\"", "\"\\u0000\"", "\"\\u202e\\ud83d\\ude00\"", "\"%s%n\"", "\"$(id)\"", "\"a\\nb\"",
        "\"10.9.0.2\"", "\"10.9.0.2/24\"", "\"10.9.0.0/33\"", "\"::/0\"", "\"0.0.0.0/0\"", "\"fd09::2/64\"", "\"::ffff:1.2.3.4/120\"", "\"256.1.1.1\"", "\"10.9.0.1/-1\"",
        "\"00:00:00:00:00:00\"", "\"ff:ff:ff:ff:ff:ff\"", "\"0a:58:0a:01:02:03\"", "\"1.1.0\"", "\"9.9.9\"", "\"iptables\"", "\"nftables\"", "\"tcp\"", "\"TCP\"",
    ];

    private readonly Random _random = new(seed);

    /// <summary>The next configuration, as bytes; rarely it is no JSON any more.</summary>
    public byte[] Next()
    {
        JsonNode config = Pick(corpus).DeepClone();
        int count = 1 + _random.Next(3);
        for (int i = 0; i < count; i++)
            config = Mutate(config);
        string text = config.ToJsonString();
        return _random.Next(20) switch
        {
            0 => Encoding.UTF8.GetBytes(text[.._random.Next(text.Length)]),
            1 => Damage(text),
            2 => Encoding.UTF8.GetBytes(Twice(text)),
            _ => Encoding.UTF8.GetBytes(text),
        };
    }

    private JsonNode Mutate(JsonNode root)
    {
        List<(JsonNode Parent, string? Key, int Index)> places = [];
        Collect(root, places);
        if (places.Count == 0)
            return root;
        (JsonNode parent, string? key, int index) = Pick(places);
        if (key is not null && Places.Contains(key))
        {
            ((JsonObject)parent)[key] = JsonNode.Parse(Pick((string[])["5", "[]", "{}", "\"relative/dir\"", "\"/dev/null/x\"", "\"/proc/none\""]));
            return root;
        }

        switch (_random.Next(8))
        {
            case 0:
                if (key is not null)
                    ((JsonObject)parent).Remove(key);
                else
                    ((JsonArray)parent).RemoveAt(index);
                break;
            case 1 when parent is JsonArray array:
                array.Add(array[index]?.DeepClone());
                break;
            case 2 when (key is null ? parent[index] : parent[key]) is JsonValue value && value.TryGetValue(out string? text) && !text.StartsWith('/'):
                Set(parent, key, index, JsonValue.Create(Edit(text)));
                break;
            case 3 when (key is null ? parent[index] : parent[key]) is JsonValue value && value.TryGetValue(out long number):
                Set(parent, key, index, JsonValue.Create(number + _random.Next(-3, 4)));
                break;
            case 4:
                Set(parent, key, index, SomewhereElse());
                break;
            case 5 when key is not null && parent is JsonObject owner:
                JsonNode? moved = owner[key]?.DeepClone();
                owner.Remove(key);
                owner[key.ToUpperInvariant()] = moved;
                break;
            default:
                Set(parent, key, index, Parse(Pick(Values)));
                break;
        }

        return root;
    }

    // A value that is right somewhere else.
    private JsonNode? SomewhereElse()
    {
        List<(JsonNode Parent, string? Key, int Index)> places = [];
        Collect(Pick(corpus), places);
        (JsonNode parent, string? key, int index) = Pick(places);
        return (key is null ? parent[index] : parent[key])?.DeepClone();
    }

    private string Edit(string text)
    {
        if (text.Length == 0)
            return "x";
        int at = _random.Next(text.Length);
        const string Alphabet = "0123456789abcdefxyzABC.:-_ %*?[(\\\"'\t\0é";
        return _random.Next(4) switch
        {
            0 => text.Remove(at, 1),
            1 => text.Insert(at, Alphabet[_random.Next(Alphabet.Length)].ToString()),
            2 => string.Concat(text, new string('a', _random.Next(300))),
            _ => string.Concat(text.AsSpan(0, at), Alphabet[_random.Next(Alphabet.Length)].ToString(), text.AsSpan(at + 1)),
        };
    }

    private byte[] Damage(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        for (int tries = 0; tries < 8; tries++)
        {
            int at = _random.Next(bytes.Length);
            // Not inside a path.
            int quote = text.LastIndexOf('"', Math.Min(at, text.Length - 1));
            if (quote >= 0 && quote + 1 < text.Length && text[quote + 1] == '/')
                continue;
            bytes[at] = (byte)_random.Next(256);
            break;
        }

        return bytes;
    }

    // The last of two equal keys counts; readers differ in it, so it is tried.
    private string Twice(string text) => $"{{\"name\":{Pick(Values)},\"ipam\":{Pick(Values)},{text[1..]}";

    private static void Set(JsonNode parent, string? key, int index, JsonNode? value)
    {
        if (key is not null)
            ((JsonObject)parent)[key] = value;
        else
            ((JsonArray)parent)[index] = value;
    }

    // 1e400 is JSON, but no number of ours.
    private static JsonNode? Parse(string text) => JsonNode.Parse(text);

    private static void Collect(JsonNode? node, List<(JsonNode, string?, int)> places)
    {
        switch (node)
        {
            case JsonObject o:
                foreach ((string key, JsonNode? child) in o)
                {
                    // The plugin under test stays itself, and what it delegates to is reached more often.
                    places.Add((o, key, 0));
                    Collect(child, places);
                }

                break;
            case JsonArray a:
                for (int i = 0; i < a.Count; i++)
                {
                    places.Add((a, null, i));
                    Collect(a[i], places);
                }

                break;
        }
    }

    private T Pick<T>(IReadOnlyList<T> list) => list[_random.Next(list.Count)];
}
