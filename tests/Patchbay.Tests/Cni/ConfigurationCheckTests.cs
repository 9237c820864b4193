using Patchbay.Cni.Model;
using Patchbay.Cni.Runtime;

namespace Patchbay.Tests.Cni;

public sealed class ConfigurationCheckTests : IDisposable
{
    private const string Good = """{"cniVersion":"1.0.0","name":"net","plugins":[{"type":"p"}]}""";

    private readonly ScriptDirectory _files = new();

    public ConfigurationCheckTests()
    {
        Directory.CreateDirectory(_files.File("net.d"));
        _files.Plugin("p", """echo '{"cniVersion":"1.0.0","supportedVersions":["0.4.0","1.0.0"]}'""");
    }

    public void Dispose() => _files.Dispose();

    private string Problems => string.Join('\n', ConfigurationCheck.Examine(_files.File("net.d"), new CniRuntime { PluginPath = [_files.Path] }))
        .Replace(_files.File("net.d"), "D", StringComparison.Ordinal);

    [Fact]
    public void Nothing_is_said_of_what_is_well()
    {
        Write("10-net.conflist", Good);
        Write("20-old.conf", """{"cniVersion":"0.4.0","name":"old","type":"p"}""");
        Assert.Equal("", Problems);
    }

    [Theory]
    [InlineData("a.conflist", "", "D/a.conflist: error: empty")]
    [InlineData("a.conflist", "{\n  \"name\": \"net\",\n  \"plugins\": [ { \"type\": \"ä\" } ],,\n}", "D/a.conflist:3: error: ',' is an invalid start of a property name. Expected a '\"'. (column 34)")]
    [InlineData("a.conflist", "{\n\"cniVersion\":\"1.0.0\",\n\"plugins\":[{\"type\":\"p\"}]}", "D/a.conflist: error: name: error parsing configuration list: no name")]
    [InlineData("a.conflist", "{\"cniVersion\":\"1.0.0\",\"name\":\"net\"}", "D/a.conflist: error: plugins: no plugin configs found")]
    [InlineData("a.conflist", "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\n\"plugins\":[\n{\"type\":\"p\"},\n{\"name\":\"x\"}]}", "D/a.conflist:4: error: plugins[1].type: error parsing configuration: missing 'type'")]
    [InlineData("a.conflist", "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\n\"type\":\"p\"}", "D/a.conflist:2: error: type: one plugin stands in a *.conflist: put it into \"plugins\": [ ], or call the file *.conf")]
    [InlineData("a.conf", "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\n\"plugins\":[]}", "D/a.conf:2: error: plugins: a list of plugins stands in a file for one: call it *.conflist")]
    [InlineData("a.conflist", "{\"cniVersion\":\"1.0.0\",\n\"name\":\"a b\",\"plugins\":[{\"type\":\"p\"}]}", "D/a.conflist:2: error: name: ")]
    [InlineData("a.conflist", "{\"cniVersion\":\"1.2.3\",\"name\":\"net\",\"plugins\":[{\"type\":\"p\"}]}", "D/a.conflist:1: error: cniVersion: there is no version \"1.2.3\" of CNI: 0.1.0, 0.2.0, ")]
    [InlineData("a.conf", "{\"name\":\"net\",\"type\":\"p\"}", "D/a.conf: warning: cniVersion: missing, which means 0.1.0: no chains, no CHECK, no GC")]
    [InlineData("a.conflist", "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"plugins\":[\n{\"type\":\"q\"}]}", "D/a.conflist:2: error: plugins[0].type: failed to find plugin \"q\" in path [")]
    [InlineData("a.conflist", "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"plugins\":[{\"type\":\"p\",\n\"ipam\":{\n\"type\":\"q\"}}]}", "D/a.conflist:3: error: plugins[0].ipam.type: failed to find plugin \"q\" in path [")]
    [InlineData("a.conflist", "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"plugins\":[{\"type\":\"p\",\n\"ipam\":7}]}", "D/a.conflist:2: error: plugins[0].ipam: \"plugins[0].ipam\" must be an object, not 7")]
    [InlineData("a.conflist", "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"plugins\":[{\"type\":\"p\"}]}", "D/a.conflist:1: error: plugins[0].type: \"p\" does not take version \"1.1.0\", only 0.4.0, 1.0.0")]
    [InlineData("a.conflist", "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\n\"Name\":\"net\",\"plugins\":[{\"type\":\"p\"}]}", "D/a.conflist:1: warning: Name: written more than once; the last counts")]
    [InlineData("a.conflist.bak", Good, "D/a.conflist.bak: warning: ignored: runtimes read *.conflist, *.conf and *.json\nD: error: no network configurations (*.conflist, *.conf, *.json)")]
    public void What_is_wrong_is_told_by_file_line_and_field(string file, string text, string expected)
    {
        Write(file, text);
        Assert.StartsWith(expected, Problems, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_two_networks_of_one_name_the_second_is_never_used()
    {
        Write("10.conf", Good.Replace("\"plugins\":[{\"type\":\"p\"}]", "\"type\":\"p\"", StringComparison.Ordinal));
        Write("20.conflist", Good);
        Assert.Equal("D/10.conf:1: warning: name: never used: D/20.conflist has the network \"net\" already", Problems);
    }

    [Fact]
    public void Drop_in_directories_are_looked_at()
    {
        Write("10.conflist", Good);
        Directory.CreateDirectory(_files.File("net.d/net"));
        Directory.CreateDirectory(_files.File("net.d/other"));
        Assert.Equal("D/net: warning: no *.conf files: nothing is added to the network\nD/other: warning: ignored: no list here has the name \"other\"", Problems);
    }

    [Theory]
    [InlineData("{\n\"type\":\"p\"}", "")]
    [InlineData("{\n\"type\":\"q\"}", "D/net/1.conf:2: error: type: failed to find plugin \"q\" in path [")]
    [InlineData("{\"type\":\"p\",\n\"ipam\":{\n\"type\":\"q\"}}", "D/net/1.conf:3: error: ipam.type: failed to find plugin \"q\" in path [")]
    [InlineData("{\"type\":\"p\",\n\"ipam\":7}", "D/net/1.conf:2: error: ipam: \"ipam\" must be an object, not 7")]
    [InlineData("{\"type\":\"p\",\n\"Type\":\"p\"}", "D/net/1.conf:1: warning: Type: written more than once; the last counts")]
    [InlineData("{\"name\":\"net\"}", "D/net/1.conf: error: type: error parsing configuration: missing 'type'")]
    [InlineData("{\"type\":\"p\",\n,}", "D/net/1.conf:2: error: ',' is an invalid start of a property name.")]
    [InlineData("", "D/net/1.conf: error: empty")]
    public void What_is_wrong_in_a_drop_in_file_is_told_of_that_file(string text, string expected)
    {
        Write("10.conflist", Good);
        Directory.CreateDirectory(_files.File("net.d/net"));
        Write("net/1.conf", text);
        Assert.StartsWith(expected, Problems, StringComparison.Ordinal);
        Assert.Equal(expected.Length > 0 ? 1 : 0, Problems.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public void A_list_may_have_all_its_plugins_from_drop_in_files()
    {
        Write("10.conflist", """{"cniVersion":"1.0.0","name":"net"}""");
        Directory.CreateDirectory(_files.File("net.d/net"));
        Write("net/1.conf", """{"type":"p"}""");
        Assert.Equal("", Problems);
        Write("10.conflist", """{"cniVersion":"1.0.0","name":"net","loadOnlyInlinedPlugins":true,"plugins":[{"type":"p"}]}""");
        Assert.Equal("D/net: warning: ignored: D/10.conflist has \"loadOnlyInlinedPlugins\"", Problems);
        Write("10.conflist", """{"cniVersion":"1.0.0","name":"net","plugins":[{}]}""");
        Assert.Equal("D/10.conflist:1: error: plugins[0].type: error parsing configuration: missing 'type'", Problems);
        Write("10.conflist", "");
        Assert.Equal("D/10.conflist: error: empty", Problems);
    }

    [Fact]
    public void What_cannot_be_read_is_told()
    {
        Assert.Equal("D: error: no network configurations (*.conflist, *.conf, *.json)", Problems);
        using (FileStream huge = new(_files.File("net.d/huge.conf"), FileMode.CreateNew))
            huge.SetLength(17 << 20);
        Assert.Equal("D/huge.conf: error: cannot read network configuration: D/huge.conf has more than 16 MiB", Problems);
        Assert.Throws<CniException>(() => NetworkDirectory.Load(_files.File("net.d"), "net"));
        Directory.Delete(_files.File("net.d"), recursive: true);
        Assert.StartsWith("D: error: Could not find a part of the path", Problems, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"code":50,"msg":"no backend"}""", "D/a.conflist:2: warning: plugins[0]: s cannot take containers now: no backend")]
    [InlineData("""{"code":7,"msg":"failed to load netconf: \"vlan\" must be a number"}""", "D/a.conflist:2: error: plugins[0]: s: \"vlan\" must be a number")]
    public void A_plugin_of_1_1_0_is_asked_for_its_part(string answer, string expected)
    {
        _files.Plugin("s", $$"""
            cat >$D/$CNI_COMMAND
            case $CNI_COMMAND in
            VERSION) echo '{"cniVersion":"1.1.0","supportedVersions":["1.0.0","1.1.0"]}' ;;
            *) echo '{{answer}}'; exit 1 ;;
            esac
            """);
        Write("a.conflist", "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"plugins\":[\n{\"type\":\"s\",\"vlan\":\"x\"}]}");
        Assert.Equal(expected, Problems);
        Assert.Equal("""{"name":"net","cniVersion":"1.1.0","type":"s","vlan":"x"}""", _files.Read("STATUS"));
    }

    [Fact]
    public void All_networks_of_a_directory_are_loaded_in_order()
    {
        Write("20.conflist", Good);
        Write("10.conf", """{"name":"one","type":"p"}""");
        Write("30.conflist", Good.Replace("\"net\"", "\"three\"", StringComparison.Ordinal));
        Assert.Equal(["net", "three", "one"], NetworkDirectory.LoadAll(_files.File("net.d")).Select(list => list.Name));
    }

    private void Write(string name, string text) => File.WriteAllText(_files.File($"net.d/{name}"), text);
}
