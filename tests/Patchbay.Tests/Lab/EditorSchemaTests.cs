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

    private static string[] Keys(JsonElement map) => [.. map.GetProperty("properties").EnumerateObject().Select(each => each.Name).Order(StringComparer.Ordinal)];

    private static string[] Known(string yaml, string path)
    {
        const string Words = "unknown key, expected one of ";
        string told = LabText.Problems(yaml).Single(line => line.Contains($" {path}: {Words}", StringComparison.Ordinal));
        string list = told[(told.IndexOf(Words, StringComparison.Ordinal) + Words.Length)..];
        return list.Split(';')[0].Split(", ");
    }
}
