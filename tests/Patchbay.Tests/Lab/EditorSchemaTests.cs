using System.Text.Json;
using Patchbay.Lab.Schema;

namespace Patchbay.Tests.Lab;

/// <summary>The schema for editors has the keys that the reader knows: both are asked.</summary>
public class EditorSchemaTests
{
    private static readonly JsonElement Network = JsonDocument.Parse(EditorSchema.Text).RootElement.GetProperty("$defs").GetProperty("network").GetProperty("properties");

    [Theory]
    [InlineData("links")]
    [InlineData("bridges")]
    [InlineData("tunnels")]
    [InlineData("commands")]
    [InlineData("nodes")]
    public void Keys_are_the_readers(string list)
    {
        JsonElement item = Network.GetProperty(list).GetProperty("items");
        JsonElement map = item.TryGetProperty("oneOf", out JsonElement either) ? either[1] : item;

        Assert.Equal(Known($"{list}: [{{unknown-key: 1}}]", $"{list}[0].unknown-key"), Keys(map));
    }

    [Fact]
    public void Keys_of_the_whole_and_of_a_peer_are_the_readers()
    {
        Assert.Equal(Known("unknown-key: 1", "unknown-key"), Network.EnumerateObject().Select(each => each.Name).Order(StringComparer.Ordinal).ToArray());
        Assert.Equal(
            Known("links: [{peer: {unknown-key: 1}}]", "links[0].peer.unknown-key"),
            Keys(Network.GetProperty("links").GetProperty("items").GetProperty("properties").GetProperty("peer")));
    }

    [Theory]
    [InlineData("links")]
    [InlineData("tunnels")]
    [InlineData("interfaces")]
    [InlineData("commands")]
    [InlineData("mininet-cfg.switches")]
    [InlineData("mininet-cfg.hosts")]
    [InlineData("mininet-cfg.containers")]
    [InlineData("mininet-cfg.links")]
    [InlineData("mininet-cfg.interfaces")]
    [InlineData("mininet-cfg.commands")]
    public void Keys_of_the_language_of_conlink_1_are_the_readers(string path)
    {
        JsonElement map = Conlink1;
        foreach (string step in path.Split('.'))
            map = map.GetProperty("properties").GetProperty(step);
        map = map.GetProperty("items");

        Assert.Equal(Known(Old(path, "unknown-key: 1"), $"{path}[0].unknown-key"), Keys(map));
        if (map.GetProperty("properties").TryGetProperty("opts", out JsonElement options) && options.TryGetProperty("properties", out _))
            Assert.Equal(Known(Old(path, "name: a, left: h, right: h, opts: {unknown-key: 1}"), $"{path}[0].opts.unknown-key"), Keys(options));
        if (map.GetProperty("properties").TryGetProperty("left", out JsonElement end) && end.TryGetProperty("properties", out _))
            Assert.Equal(Known(Old(path, "left: {unknown-key: 1}"), $"{path}[0].left.unknown-key"), Keys(end));
    }

    [Fact]
    public void Keys_of_mininet_are_the_readers()
    {
        Assert.Equal(Known("mininet-cfg: {}\nunknown-key: 1", "unknown-key"), Keys(Conlink1));
        Assert.Equal(Known("mininet-cfg: {unknown-key: 1}", "mininet-cfg.unknown-key"), Keys(Conlink1.GetProperty("properties").GetProperty("mininet-cfg")));
    }

    [Fact]
    public void Every_key_is_in_an_example()
    {
        HashSet<string> used = [];
        foreach (string file in Directory.EnumerateFiles(Path.Combine(Path.GetDirectoryName(ThisFile())!, "../../../examples/lab"), "*.yaml"))
            Collect(YamlReader.Read(File.ReadAllText(file), file), used);
        HashSet<string> known = [];
        Collect(JsonDocument.Parse(EditorSchema.Text).RootElement.GetProperty("$defs"), known);

        Assert.Empty(known.Except(used));
    }

    private static void Collect(ConfigNode node, HashSet<string> keys)
    {
        foreach (var (key, value) in node.Entries)
        {
            keys.Add(key.Text);
            Collect(value, keys);
        }

        foreach (ConfigNode item in node.Items)
            Collect(item, keys);
    }

    private static void Collect(JsonElement schema, HashSet<string> keys)
    {
        if (schema.ValueKind == JsonValueKind.Array)
        {
            foreach (JsonElement item in schema.EnumerateArray())
                Collect(item, keys);
        }

        if (schema.ValueKind != JsonValueKind.Object)
            return;
        foreach (JsonProperty each in schema.EnumerateObject())
        {
            if (each.NameEquals("properties") && each.Value.ValueKind == JsonValueKind.Object)
                keys.UnionWith(each.Value.EnumerateObject().Select(key => key.Name));
            Collect(each.Value, keys);
        }
    }

    private static string ThisFile([System.Runtime.CompilerServices.CallerFilePath] string path = "") => path;

    private static JsonElement Conlink1 => JsonDocument.Parse(EditorSchema.Text).RootElement.GetProperty("$defs").GetProperty("conlink1");

    // A file of that language with one entry of a list.
    private static string Old(string path, string entry) => path.Split('.') is [var inside, var list]
        ? $"{inside}: {{{(list == "hosts" ? "" : "hosts: [{name: h}], ")}{list}: [{{{entry}}}]}}"
        : $"mininet-cfg: {{}}\n{path}: [{{{entry}}}]";

    private static string[] Keys(JsonElement map) => [.. map.GetProperty("properties").EnumerateObject().Select(each => each.Name).Order(StringComparer.Ordinal)];

    private static string[] Known(string yaml, string path)
    {
        const string Words = "unknown key, expected one of ";
        string told = LabText.Problems(yaml).Single(line => line.Contains($" {path}: {Words}", StringComparison.Ordinal));
        string list = told[(told.IndexOf(Words, StringComparison.Ordinal) + Words.Length)..];
        return list.Split(';')[0].Split(", ");
    }
}
