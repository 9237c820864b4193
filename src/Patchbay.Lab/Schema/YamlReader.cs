using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Patchbay.Lab.Schema;

/// <summary>Reads YAML, and with it JSON, into <see cref="ConfigNode"/>s; a file that would take the machine's memory or stack is refused.</summary>
/// <remarks>
/// An alias is the same object as what it names, so ten lines that stand for a billion values take no room here; <see cref="Interpolation"/>
/// visits all of them once and counts. Numbers stay texts: YAML 1.1 would make 12:30 and 010 other numbers than were meant.
/// </remarks>
internal sealed class YamlReader
{
    private const int MostCharacters = 8 << 20;
    private const int MostDepth = 64;

    private readonly Dictionary<string, ConfigNode> _anchors = new(StringComparer.Ordinal);
    private readonly IParser _parser;
    private readonly string _file;

    private YamlReader(IParser parser, string file)
    {
        _parser = parser;
        _file = file;
    }

    /// <param name="text">The file's content.</param>
    /// <param name="file">Its name, for messages.</param>
    /// <exception cref="LabFileException">It is no YAML, or beyond the limits.</exception>
    public static ConfigNode Read(string text, string file)
    {
        if (text.Length > MostCharacters)
            throw new LabFileException(new Position(file, 0, 0), "", $"the file has {text.Length} characters; {MostCharacters} are possible");
        var parser = new Parser(new StringReader(text));
        try
        {
            return new YamlReader(parser, file).Document();
        }
        catch (YamlException error)
        {
            throw new LabFileException(new Position(file, (int)error.Start.Line, (int)error.Start.Column), "", $"expected YAML: {Reason(error)}");
        }
        catch (Exception error) when (error is InvalidOperationException or ArgumentException or FormatException or OverflowException)
        {
            // The scanner trips over some texts instead of refusing them, "{a: b{c" say; it was just behind what it read last.
            var at = parser.Current?.End ?? Mark.Empty;
            throw new LabFileException(new Position(file, (int)at.Line, (int)at.Column), "", "expected YAML: what follows cannot be understood");
        }
    }

    // "(Line: 3, Col: 1, …) - (…): what" in some versions: the position is told already.
    private static string Reason(YamlException error) =>
        error.Message.LastIndexOf("): ", StringComparison.Ordinal) is >= 0 and var at ? error.Message[(at + 3)..] : error.Message;

    private ConfigNode Document()
    {
        _parser.Consume<StreamStart>();
        if (_parser.Accept<StreamEnd>(out var end))
            return ConfigNode.Null(At(end));
        _parser.Consume<DocumentStart>();
        var root = Node(0);
        _parser.Consume<DocumentEnd>();
        if (_parser.Accept<DocumentStart>(out var second))
            throw new LabFileException(At(second), "", "expected one document, found a second");
        return root;
    }

    private ConfigNode Node(int depth)
    {
        var current = _parser.Current!;
        if (depth > MostDepth)
            throw new LabFileException(At(current), "", $"expected no more than {MostDepth} levels of lists and maps");
        if (_parser.TryConsume<AnchorAlias>(out var alias))
        {
            return _anchors.TryGetValue(alias.Value.Value, out var known)
                ? known
                : throw new LabFileException(At(alias), "", $"expected an anchor before this: nothing is named &{alias.Value.Value}, or the alias is inside of what it names");
        }

        var anchor = current is NodeEvent { Anchor.IsEmpty: false } node ? node.Anchor.Value : null;
        var read = Content(depth);
        if (anchor is not null)
            _anchors[anchor] = read;
        return read;
    }

    private ConfigNode Content(int depth)
    {
        if (_parser.TryConsume<Scalar>(out var scalar))
        {
            var plain = scalar.Style == ScalarStyle.Plain;
            return plain && scalar.Value is "" or "~" or "null" or "Null" or "NULL" ? ConfigNode.Null(At(scalar)) : ConfigNode.Scalar(scalar.Value, At(scalar), quoted: !plain);
        }

        if (_parser.TryConsume<SequenceStart>(out var list))
        {
            var items = new List<ConfigNode>();
            while (!_parser.TryConsume<SequenceEnd>(out _))
                items.Add(Node(depth + 1));
            return ConfigNode.List(items, At(list));
        }

        var map = _parser.Consume<MappingStart>();
        var entries = new List<KeyValuePair<Located, ConfigNode>>();
        var merged = new List<ConfigNode>();
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            var key = Node(depth + 1);
            if (key.Kind != ConfigKind.Text)
                throw new LabFileException(key.At, "", $"expected a name as key, found {key.Describe()}");
            var value = Node(depth + 1);
            if (key.Text == "<<" && !key.Quoted)
                merged.Add(value);
            else if (seen.Add(key.Text))
                entries.Add(KeyValuePair.Create(new Located(key.Text, key.At), value));
            else
                throw new LabFileException(key.At, "", $"the key \"{key.Text}\" is there twice");
        }

        foreach (var each in merged)
            Merge(each, entries, seen);
        return ConfigNode.Map(entries, At(map));
    }

    // https://yaml.org/type/merge.html: what is written here wins, then the earlier of a list.
    private static void Merge(ConfigNode from, List<KeyValuePair<Located, ConfigNode>> into, HashSet<string> seen)
    {
        if (from.Kind is not (ConfigKind.Map or ConfigKind.List))
            throw new LabFileException(from.At, "<<", $"expected a map or a list of maps, found {from.Describe()}");
        foreach (var map in from.Kind == ConfigKind.List ? from.Items : [from])
        {
            foreach (var entry in map.Entries)
            {
                if (seen.Add(entry.Key.Text))
                    into.Add(entry);
            }
        }
    }

    private Position At(ParsingEvent e) => new(_file, (int)e.Start.Line, (int)e.Start.Column);
}
