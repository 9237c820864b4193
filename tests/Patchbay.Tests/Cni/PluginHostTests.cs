using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Tests.Cni;

public class PluginHostTests
{
    private const string Config = """{"cniVersion":"1.1.0","name":"net"}""";
    private readonly FakeHost _host = new();
    private readonly RecordingPlugin _plugin = new();

    [Theory]
    [InlineData("ADD", "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH")]
    [InlineData("CHECK", "CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH")]
    [InlineData("DEL", "CNI_CONTAINERID,CNI_IFNAME,CNI_PATH")]
    [InlineData("GC", "CNI_PATH")]
    [InlineData("STATUS", "CNI_PATH")]
    public void All_missing_variables_are_told_together(string command, string names)
    {
        _host.Variables.Clear();
        _host.Variables["CNI_COMMAND"] = command;
        Assert.Equal(1, _host.Run(_plugin, Config));
        Assert.Equal((4u, $"required env variables [{names}] missing", ""), _host.PrintedError());
        Assert.Empty(_plugin.Calls);
    }

    [Theory]
    [InlineData("ADD", "CNI_CONTAINERID", "../x", 4u, "invalid characters in containerID", "../x")]
    [InlineData("DEL", "CNI_IFNAME", "a/b", 4u, "interface name contains / or : or whitespace characters", "a/b")]
    public void An_invalid_variable_is_told_before_missing_ones(string command, string name, string value, uint code, string message, string details)
    {
        _host.Variables["CNI_COMMAND"] = command;
        _host.Variables[name] = value;
        _host.Variables.Remove("CNI_PATH");
        Assert.Equal(1, _host.Run(_plugin, Config));
        Assert.Equal((code, message, details), _host.PrintedError());
    }

    [Fact]
    public void What_a_command_does_not_need_is_not_checked()
    {
        _host.Variables["CNI_COMMAND"] = "STATUS";
        _host.Variables["CNI_CONTAINERID"] = "../x";
        Assert.Equal(0, _host.Run(_plugin, Config));
        Assert.Equal(["STATUS"], _plugin.Calls);
        Assert.Empty(_host.OutputText);
    }

    [Fact]
    public void Without_a_command_it_tells_about_itself()
    {
        _host.Variables["CNI_COMMAND"] = "";
        Assert.Equal(0, _host.Run(_plugin, ""));
        Assert.Equal("CNI recording plugin v0\nCNI protocol versions supported: 0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0\n", _host.ErrorText);
        Assert.Empty(_host.OutputText);
    }

    [Fact]
    public void The_version_of_a_plugin_is_one_that_engines_can_compare()
    {
        // nerdctl: all that is behind the words is a version (semver.org, 2); Nomad: one of the words is.
        string about = new Named().About;
        Assert.Matches(@"^CNI named plugin v[0-9]+\.[0-9]+\.[0-9]+\+[0-9A-Za-z.-]+$", about);
        Version told = Version.Parse(about[(about.IndexOf(" v", StringComparison.Ordinal) + 2)..about.IndexOf('+', StringComparison.Ordinal)]);
        Assert.True(told >= new Version(1, 7, 1), $"nerdctl's icc=false wants 1.7.1, Nomad's CHECK 1.2.0, not {told}");
        Assert.EndsWith($"patchbay.{PluginHost.ProgramVersion}", about, StringComparison.Ordinal);
    }

    private sealed class Named : CniPlugin
    {
        public override string Name => "named";

        public override CniResult Add(PluginRequest request) => throw new NotSupportedException();

        public override void Delete(PluginRequest request) => throw new NotSupportedException();
    }

    [Fact]
    public void The_version_that_people_see_is_the_assemblys() =>
        Assert.Equal(PluginHost.ProgramVersion, typeof(PluginHost).Assembly.GetName().Version!.ToString(3));

    [Fact]
    public void Version_does_not_read_the_input()
    {
        _host.Variables.Clear();
        _host.Variables["CNI_COMMAND"] = "VERSION";
        _plugin.Versions = [SpecVersion.V040, SpecVersion.V100];
        _host.Input = new BrokenStream();
        Assert.Equal(0, PluginHost.Run(_plugin, _host.Environment));
        Assert.Equal("{\"cniVersion\":\"1.1.0\",\"supportedVersions\":[\"0.4.0\",\"1.0.0\"]}\n", _host.OutputText);
    }

    [Fact]
    public void An_unreadable_input_is_code_5()
    {
        _host.Input = new BrokenStream();
        Assert.Equal(1, PluginHost.Run(_plugin, _host.Environment));
        Assert.Equal((5u, "error reading from stdin: broken", ""), _host.PrintedError());
    }

    [Theory]
    [InlineData("FOO", "", 6u)] // the configuration is read before the command is looked at
    [InlineData("FOO", "{}", 7u)]
    [InlineData("FOO", Config, 4u)]
    [InlineData("ADD", "{\"name\":\"n\",\"cniVersion\":\"1.2.3\"}", 1u)]
    [InlineData("ADD", "{\"name\":\"n\",\"cniVersion\":\"1.0\"}", 1u)]
    [InlineData("ADD", "{\"name\":\"n\",\"cniVersion\":\"x\"}", 6u)]
    [InlineData("CHECK", "{\"name\":\"n\",\"cniVersion\":\"0.3.1\"}", 1u)]
    [InlineData("GC", "{\"name\":\"n\",\"cniVersion\":\"1.0.0\"}", 1u)]
    [InlineData("STATUS", "{\"name\":\"n\"}", 1u)]
    [InlineData("DEL", "{\"name\":\"n\"}", 0u)]
    public void Order_of_work(string command, string config, uint code)
    {
        _host.Variables["CNI_COMMAND"] = command;
        Assert.Equal(code == 0 ? 0 : 1, _host.Run(_plugin, config));
        Assert.Equal(code, code == 0 ? 0 : _host.PrintedError().Code);
        Assert.Equal(code == 0 ? 1 : 0, _plugin.Calls.Count);
    }

    [Fact]
    public void Version_faults_have_their_texts()
    {
        _plugin.Versions = [SpecVersion.V030, SpecVersion.V031];
        _host.Run(_plugin, Config);
        Assert.Equal((1u, "incompatible CNI versions", "config is \"1.1.0\", plugin supports [\"0.3.0\" \"0.3.1\"]"), _host.PrintedError());

        Assert.Equal("plugin version does not allow CHECK", ErrorOf("CHECK", "1.0.0"));
        Assert.Equal("config version does not allow CHECK", ErrorOf("CHECK", "0.3.1"));
        Assert.Equal("config version does not allow GC", ErrorOf("GC", "1.0.0"));
        Assert.Equal("config version does not allow STATUS", ErrorOf("STATUS", "1.0.0"));
        Assert.Equal("unknown CNI_COMMAND: FOO", ErrorOf("FOO", "1.0.0"));

        string ErrorOf(string command, string version)
        {
            _host.Output.SetLength(0);
            _host.Variables["CNI_COMMAND"] = command;
            _host.Run(_plugin, $$"""{"name":"n","cniVersion":"{{version}}"}""");
            return _host.PrintedError().Message;
        }
    }

    [Theory]
    [InlineData("ADD")]
    [InlineData("DEL")]
    public void Our_own_namespace_is_refused_before_the_work(string command)
    {
        _host.Variables["CNI_COMMAND"] = command;
        _host.Variables["CNI_NETNS"] = "/netns/own";
        Assert.Equal(1, _host.Run(_plugin, Config));
        Assert.Equal((8u, "plugin's netns and netns from CNI_NETNS should not be the same", "/netns/own"), _host.PrintedError());
        Assert.Empty(_plugin.Calls);

        _host.Variables["CNI_NETNS_OVERRIDE"] = "True";
        Assert.Equal(0, _host.Run(_plugin, Config));
        Assert.Equal([command], _plugin.Calls);
    }

    [Fact]
    public void Delete_works_without_a_namespace()
    {
        _host.Variables["CNI_COMMAND"] = "DEL";
        _host.Variables["CNI_NETNS"] = "";
        Assert.Equal(0, _host.Run(_plugin, Config));
        _host.Variables["CNI_NETNS"] = "/no/such";
        Assert.Equal(0, _host.Run(_plugin, Config));
        Assert.Equal(["DEL", "DEL"], _plugin.Calls);
        Assert.Empty(_host.OutputText);
    }

    [Fact]
    public void Add_prints_the_result_in_the_configurations_version()
    {
        Assert.Equal(0, _host.Run(_plugin, """{"name":"net"}"""));
        Assert.Equal("{\n    \"cniVersion\": \"0.1.0\",\n    \"ip4\": {\n        \"ip\": \"10.0.0.1/8\"\n    },\n    \"dns\": {}\n}", _host.OutputText);
    }

    [Fact]
    public void An_ADD_that_cannot_be_told_is_undone()
    {
        _plugin.OnAdd = _ => new CniResult();
        Assert.Equal(1, _host.Run(_plugin, """{"name":"net"}"""));
        Assert.Equal((999u, "cannot convert: no valid IP addresses", ""), _host.PrintedError());
        Assert.Equal(["ADD", "DEL"], _plugin.Calls);
    }

    [Fact]
    public void What_a_plugin_throws_is_printed()
    {
        _plugin.OnAdd = _ => throw new CniException(101, "own", "more");
        Assert.Equal(1, _host.Run(_plugin, Config));
        Assert.Equal((101u, "own", "more"), _host.PrintedError());

        _host.Output.SetLength(0);
        _plugin.OnAdd = _ => throw new NotSupportedException("odd");
        Assert.Equal(1, _host.Run(_plugin, Config));
        Assert.Equal((999u, "odd", ""), _host.PrintedError());
    }

    [Theory]
    [InlineData(199, 0u)]
    [InlineData(200, 6u)]
    public void Deep_nesting_is_refused(int depth, uint code)
    {
        int status = _host.Run(_plugin, $$"""{"name":"n","x":{{new string('[', depth)}}{{new string(']', depth)}}}""");
        Assert.Equal(code, status == 0 ? 0 : _host.PrintedError().Code);
    }

    [Theory]
    [InlineData(32 << 20, 0u)]
    [InlineData((32 << 20) + 1, 6u)]
    [InlineData(70_000_000, 6u)]
    public void Huge_input_is_refused(int length, uint code)
    {
        byte[] bytes = new byte[length];
        Array.Fill(bytes, (byte)' ');
        Encoding.UTF8.GetBytes(Config, bytes);
        _host.Input = new MemoryStream(bytes);
        Assert.Equal(code == 0 ? 0 : 1, PluginHost.Run(_plugin, _host.Environment));
        if (code != 0)
            Assert.Equal((code, $"network configuration of {length} bytes is larger than 32 MiB", ""), _host.PrintedError());
    }

    private sealed class BrokenStream : MemoryStream
    {
        public override int Read(byte[] buffer, int offset, int count) => throw new IOException("broken");
    }
}
