using Patchbay.Lab.Schema;

namespace Patchbay.Tests.Lab;

public class YamlReaderTests
{
    [Fact]
    public void Values_know_where_they_stand()
    {
        ConfigNode root = YamlReader.Read("links:\n  - bridge: lan\n    ip: \"10.0.0.1/24\"\n", "a.yaml");

        ConfigNode address = root["links"]!.Items[0]["ip"]!;
        Assert.Equal(new Position("a.yaml", 3, 9), address.At);
        Assert.True(address.Quoted);
        Assert.Equal("10.0.0.1/24", address.Text);
    }

    [Fact]
    public void Json_is_yaml() => Assert.Equal("lan", YamlReader.Read("""{"links": [{"bridge": "lan"}]}""", "a.json")["links"]!.Items[0]["bridge"]!.Text);

    [Fact]
    public void Merge_keys_give_what_is_not_there_itself()
    {
        ConfigNode root = YamlReader.Read("base: &base {a: 1, b: 2}\nnext: {<<: *base, b: 3}\n", "a.yaml");

        Assert.Equal("1", root["next"]!["a"]!.Text);
        Assert.Equal("3", root["next"]!["b"]!.Text);
    }

    [Theory]
    [InlineData("a: [1", "expected YAML")]
    [InlineData("a: 1\na: 2", "a.yaml:2:1: the key \"a\" is there twice")]
    [InlineData("a: *b", "nothing is named &b")]
    [InlineData("a: &a [*a]", "nothing is named &a, or the alias is inside of what it names")]
    [InlineData("a: 1\n---\nb: 2", "expected one document, found a second")]
    [InlineData("? [1, 2]\n: 3", "expected a name as key, found a list")]
    public void What_is_no_yaml_is_told(string text, string expected)
    {
        LabFileException error = Assert.Throws<LabFileException>(() => YamlReader.Read(text, "a.yaml"));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.StartsWith("a.yaml:", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Depth_is_limited()
    {
        string deep = new string('[', 100_000) + new string(']', 100_000);

        Assert.Contains("levels", Assert.Throws<LabFileException>(() => YamlReader.Read(deep, "a.yaml")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_bomb_of_aliases_is_refused()
    {
        string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + string.Concat(Enumerable.Range(1, 9).Select(i => $"a{i}: &a{i} [{string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10))}]\n"));
        Problems problems = new();

        LabFileException error = Assert.Throws<LabFileException>(() => new Interpolation(_ => null, problems).Apply(YamlReader.Read(bomb, "a.yaml")));

        Assert.Contains("stands for more than", error.Message, StringComparison.Ordinal);
    }
}
