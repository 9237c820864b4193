using System.Globalization;
using System.Text;
using System.Text.Json;
using Patchbay.Cni.Model;

namespace Patchbay.Cni.Runtime;

/// <summary>On which line each field of a JSON text is, and which keys are written twice.</summary>
internal sealed class JsonOutline
{
    private readonly Dictionary<string, int> _lines = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _repeated = [];

    /// <summary>Reads a text that is known to be JSON.</summary>
    internal JsonOutline(ReadOnlySpan<byte> json)
    {
        Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = JsonFormat.MaxDepth });
        Stack<(string Path, int Index)> open = new(); // Index: the next element of a list, -1 in an object
        string key = "";
        int line = 1;
        int seen = 0;
        while (reader.Read())
        {
            line += json[seen..(int)reader.TokenStartIndex].Count((byte)'\n');
            seen = (int)reader.TokenStartIndex;
            if (reader.TokenType is JsonTokenType.EndObject or JsonTokenType.EndArray)
            {
                open.Pop();
                continue;
            }

            if (reader.TokenType == JsonTokenType.PropertyName)
            {
                string parent = open.Peek().Path;
                key = parent.Length == 0 ? Name(reader) : $"{parent}.{Name(reader)}";
                if (!_lines.TryAdd(key, line))
                    _repeated.Add(key);
                continue;
            }

            string path = key;
            if (open.TryPop(out (string Path, int Index) container))
            {
                if (container.Index >= 0)
                {
                    path = string.Create(CultureInfo.InvariantCulture, $"{container.Path}[{container.Index}]");
                    container.Index++;
                    _lines[path] = line;
                }

                open.Push(container);
            }

            if (reader.TokenType is JsonTokenType.StartObject or JsonTokenType.StartArray)
                open.Push((path, reader.TokenType == JsonTokenType.StartArray ? 0 : -1));
        }
    }

    /// <summary>Keys that stand in one object more than once, whatever their case; the last counts.</summary>
    internal IReadOnlyList<string> Repeated => _repeated;

    /// <summary>The line of a field, or of what it is in when it is missing; 0 when the root is to blame.</summary>
    /// <param name="field">For example <c>plugins[0].type</c>.</param>
    internal int LineOf(string field)
    {
        while (field.Length > 0)
        {
            if (_lines.TryGetValue(field, out int line))
                return line;
            int cut = field.LastIndexOfAny(['.', '[']);
            field = cut < 0 ? "" : field[..cut];
        }

        return 0;
    }

    private static string Name(in Utf8JsonReader reader)
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            return Encoding.UTF8.GetString(reader.ValueSpan); // half of a surrogate pair: shown as it is written
        }
    }
}
