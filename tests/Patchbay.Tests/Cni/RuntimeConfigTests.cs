using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Cni.Runtime;

namespace Patchbay.Tests.Cni;

public sealed class RuntimeConfigTests : IDisposable
{
    private readonly ScriptDirectory _files = new();

    public void Dispose() => _files.Dispose();

    [Fact]
    public void A_list_is_read()
    {
        NetworkList list = Parse("""{"cniVersion":"1.0.0","name":"n","disableCheck":true,"disableGC":"TRUE","plugins":[{"type":"a","capabilities":{"x":true,"y":false}},{"type":"b","name":"own"}]}""");
        Assert.Equal(("n", "1.0.0", true, true, false), (list.Name, list.VersionText, list.DisableCheck, list.DisableGc, list.LoadOnlyInlinedPlugins));
        Assert.Equal(["a", "b"], list.Plugins.Select(plugin => plugin.Type));
        Assert.Equal(["x"], list.Plugins[0].Capabilities);
        Assert.Equal("own", list.Plugins[1].Name);
    }

    [Theory]
    [InlineData("\"cniVersion\":\"1.2.3\"", "1.2.3")]
    [InlineData("\"x\":0", "")]
    [InlineData("\"cniVersions\":[]", "")]
    [InlineData("\"cniVersions\":[\"0.4.0\",\"1.0.0\",\"1.9.0\"]", "1.0.0")]
    [InlineData("\"cniVersion\":\"1.1.0\",\"cniVersions\":[\"0.4.0\"]", "1.1.0")]
    [InlineData("\"cniVersion\":\"2.0.0\",\"cniVersions\":[\"0.4.0\"]", "0.4.0")]
    public void The_highest_version_that_we_speak_is_chosen(string keys, string expected) =>
        Assert.Equal(expected, Parse($$"""{{{keys}},"name":"n","plugins":[{"type":"a"}]}""").VersionText);

    [Theory]
    [InlineData("{", "error parsing configuration list: ")]
    [InlineData("{}", "error parsing configuration list: no name")]
    [InlineData("""{"name":1}""", "error parsing configuration list: failed to load netconf: \"name\" must be a string, not 1")]
    [InlineData("""{"name":"n"}""", "error parsing configuration list: no plugins in list")]
    [InlineData("""{"name":"n","plugins":[]}""", "error parsing configuration list: no plugins in list")]
    [InlineData("""{"name":"n","plugins":{}}""", "error parsing configuration list: failed to load netconf: \"plugins\" must be a list, not {}")]
    [InlineData("""{"name":"n","plugins":[{}]}""", "error parsing configuration: missing 'type'")]
    [InlineData("""{"name":"n","plugins":[{"type":"a","capabilities":7}]}""", "error parsing configuration list: failed to load netconf: \"plugins[0].capabilities\" must be an object, not 7")]
    [InlineData("""{"name":"n","plugins":[{"type":"a","capabilities":{"mac":"yes"}}]}""", "error parsing configuration list: failed to load netconf: \"plugins[0].capabilities.mac\" must be true or false, not \"yes\"")]
    [InlineData("""{"name":"n","loadOnlyInlinedPlugins":true}""", "error parsing configuration list: loadOnlyInlinedPlugins is true, and no 'plugins' key")]
    [InlineData("""{"name":"n","disableCheck":"maybe"}""", "error parsing configuration list: invalid value \"maybe\" for disableCheck: want true or false")]
    [InlineData("""{"name":"n","disableGC":1}""", "error parsing configuration list: invalid value 1 for disableGC: want true or false")]
    [InlineData("""{"name":"n","cniVersions":["x"]}""", "error parsing configuration list: invalid entry \"x\" in cniVersions")]
    public void Faults_are_told(string json, string message) =>
        Assert.StartsWith(message, Assert.Throws<CniException>(() => Parse(json)).Message, StringComparison.Ordinal);

    [Fact]
    public void A_network_is_found_by_name()
    {
        Write("10-b.conflist", """{"name":"b","plugins":[{"type":"first"}]}""");
        Write("20-b.conflist", """{"name":"b","plugins":[{"type":"second"}]}""");
        Write("05-single.conf", """{"cniVersion":"0.3.1","name":"single","type":"one","mtu":5}""");
        Write("06-b.json", """{"name":"b","type":"never"}""");
        Directory.CreateDirectory(_files.File("00.conflist"));
        Assert.Equal("first", Load("b").Plugins[0].Type);

        NetworkList single = Load("single");
        Assert.Equal(("0.3.1", "one"), (single.VersionText, single.Plugins[0].Type));
        Assert.Equal("""{"cniVersion":"0.3.1","name":"single","plugins":[{"cniVersion":"0.3.1","name":"single","type":"one","mtu":5}]}""", Encoding.UTF8.GetString(single.Json.Span));

        Assert.Equal($"no net configuration with name \"x\" in {_files.Path}", Assert.Throws<CniException>(() => Load("x")).Message);
        string empty = Directory.CreateDirectory(_files.File("empty")).FullName;
        Assert.Equal($"no net configurations found in {empty}", Assert.Throws<CniException>(() => NetworkDirectory.Load(empty, "x")).Message);
    }

    [Fact]
    public void A_broken_file_ends_the_search_and_is_named()
    {
        Write("10.conflist", "{");
        Write("20.conflist", """{"name":"b","plugins":[{"type":"a"}]}""");
        Assert.StartsWith($"{_files.File("10.conflist")}: error parsing", Assert.Throws<CniException>(() => Load("b")).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("b.conflist", """{"name":"b","plugins":[{"type":"a","capabilities":[]}]}""", "plugins[0].capabilities")]
    [InlineData("b.conf", """{"name":"b","type":"a","capabilities":[]}""", "capabilities")]
    [InlineData("n/1.conf", """{"type":"a","capabilities":[]}""", "capabilities")]
    public void Malformed_capabilities_are_an_error_of_their_file(string file, string text, string field)
    {
        Write("n.conflist", """{"name":"n","plugins":[{"type":"a","capabilities":null}]}""");
        Directory.CreateDirectory(_files.File("n"));
        Write(file, text);
        CniException error = Assert.Throws<CniException>(() => NetworkDirectory.LoadAll(_files.Path));
        Assert.Equal(CniError.InvalidNetworkConfig, error.Code);
        Assert.StartsWith($"{_files.File(file)}: error parsing configuration", error.Message, StringComparison.Ordinal);
        Assert.EndsWith($"\"{field}\" must be an object, not []", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Drop_in_files_are_appended()
    {
        Write("n.conflist", """{"name":"n","plugins":[{"type":"a"}]}""");
        Write("bare.conflist", """{"name":"bare"}""");
        Write("only.conflist", """{"name":"only","loadOnlyInlinedPlugins":true,"plugins":[{"type":"a"}]}""");
        foreach (string network in (string[])["n", "only"])
        {
            Directory.CreateDirectory(_files.File(network));
            Write($"{network}/2.conf", """{"type":"c"}""");
            Write($"{network}/1.conf", """{"type":"b"}""");
            Write($"{network}/3.conflist", """{"type":"never"}""");
        }

        Assert.Equal(["a", "b", "c"], Load("n").Plugins.Select(plugin => plugin.Type));
        Assert.Equal(["a"], Load("only").Plugins.Select(plugin => plugin.Type));
        Assert.EndsWith("no plugin configs found", Assert.Throws<CniException>(() => Load("bare")).Message, StringComparison.Ordinal);
    }

    private NetworkList Load(string name) => NetworkDirectory.Load(_files.Path, name);

    private void Write(string name, string text) => File.WriteAllText(_files.File(name), text);

    private static NetworkList Parse(string json) => NetworkList.Parse(Encoding.UTF8.GetBytes(json));
}
