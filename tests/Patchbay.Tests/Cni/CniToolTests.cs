using System.Text.Json;
using Patchbay.Plugins.Tools;

namespace Patchbay.Tests.Cni;

public sealed class CniToolTests : IDisposable
{
    private readonly ScriptDirectory _files = new();
    private readonly FakeHost _host = new();

    public CniToolTests()
    {
        _host.Variables.Clear();
        _host.Variables["NETCONFPATH"] = _host.Variables["CNI_PATH"] = _files.Path;
        File.WriteAllText(_files.File("net.conflist"), """{"cniVersion":"1.1.0","name":"net","plugins":[{"type":"p","capabilities":{"mac":true}}]}""");
        _files.Plugin("p", """
            echo "$CNI_COMMAND $CNI_CONTAINERID $CNI_NETNS $CNI_IFNAME $CNI_ARGS" >>$D/calls; cat >$D/stdin
            [ $CNI_COMMAND != ADD ] || echo '{"ips":[{"address":"10.0.0.1/8"}]}'
            """);
    }

    public void Dispose() => _files.Dispose();

    [Fact]
    public void The_container_id_comes_from_the_path() =>
        Assert.Equal("cnitool-77383ca0a0715733ca6f", CniTool.ContainerId("/var/run/netns/testing"));

    [Fact]
    public void Each_command_runs_the_chain()
    {
        _host.Variables["CNI_ARGS"] = "A=1;B=2";
        _host.Variables["CAP_ARGS"] = """{"mac":"aa","other":1}""";
        Assert.Equal(0, Run("add", "net", "/var/run/netns/../netns/testing"));
        Assert.Equal("10.0.0.1/8", JsonDocument.Parse(_host.OutputText).RootElement.GetProperty("ips")[0].GetProperty("address").GetString());
        Assert.Contains("\"runtimeConfig\":{\"mac\":\"aa\"}", _files.Read("stdin"), StringComparison.Ordinal);
        _host.Output.SetLength(0);
        foreach (string command in (string[])["check", "del", "gc", "status"])
            Assert.Equal(0, Run(command, "net", "/var/run/netns/testing"));
        const string Rest = "cnitool-77383ca0a0715733ca6f /var/run/netns/testing eth0 A=1;B=2";
        Assert.Equal($"ADD {Rest}\nCHECK {Rest}\nDEL {Rest}\nGC    \nSTATUS    \n", _files.Read("calls"));
        Assert.Equal(("", ""), (_host.OutputText, _host.ErrorText));
    }

    [Theory]
    [InlineData("-c default-web check net /n", "CHECK default-web /n eth0 \n")]
    [InlineData("del net /n --container-id=default-web", "DEL default-web /n eth0 \n")]
    [InlineData("del net -c default-web", "DEL default-web  eth0 \n")]
    public void The_container_may_be_named(string arguments, string call)
    {
        Assert.Equal(0, Run(arguments.Split(' ')));
        Assert.Equal(call, _files.Read("calls"));
    }

    [Theory]
    [InlineData("del net /n", "", "eth0")]
    [InlineData("del net /n", "env0", "env0")]
    [InlineData("-i flag0 del net /n", "env0", "flag0")]
    [InlineData("del net /n --ifname=flag0", "env0", "flag0")]
    public void The_interface_is_named_by_flag_or_variable(string arguments, string variable, string expected)
    {
        _host.Variables["CNI_IFNAME"] = variable;
        Assert.Equal(0, Run(arguments.Split(' ')));
        Assert.Contains($" /n {expected} ", _files.Read("calls"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "", "", "cnitool: run the plugins")]
    [InlineData("add net", "", "", "cnitool: run the plugins")]
    [InlineData("mend net /n", "", "", "cnitool: run the plugins")]
    [InlineData("del net", "", "", "cnitool: run the plugins")]
    [InlineData("add net -c web", "", "", "cnitool: run the plugins")]
    [InlineData("del net -c ../web", "", "", "invalid characters in containerID")]
    [InlineData("add net /n extra", "", "", "cnitool: run the plugins")]
    [InlineData("add net /n -x y", "", "", "cnitool: unknown flag -x")]
    [InlineData("add net /n -i", "", "", "cnitool: -i needs a value")]
    [InlineData("add net /n -t soon", "", "", "cnitool: -t must be a number of seconds above 0 and up to 86400, not \"soon\"")]
    [InlineData("add other /n", "", "", "no net configuration with name \"other\" in ")]
    [InlineData("add net /n", "A=", "", "invalid CNI_ARGS pair \"A=\"")]
    [InlineData("add net /n", "", "[]", "invalid CAP_ARGS: ")]
    [InlineData("add net /n -i a/b", "", "", "interface name contains")]
    public void Mistakes_are_told_on_standard_error(string arguments, string args, string capabilities, string message)
    {
        _host.Variables["CNI_ARGS"] = args;
        _host.Variables["CAP_ARGS"] = capabilities;
        Assert.Equal(1, Run(arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        Assert.StartsWith(message, _host.ErrorText, StringComparison.Ordinal);
        Assert.Equal(("", ""), (_host.OutputText, _files.Read("calls")));
    }

    [Fact]
    public void Networks_are_listed()
    {
        Run("add", "net", "/n");
        File.WriteAllText(_files.File("z.conf"), """{"cniVersion":"0.4.0","name":"second","type":"q"}""");
        _host.Output.SetLength(0);
        Assert.Equal(0, Run("list"));
        Assert.Equal(
            $"""
            NETWORK  VERSION  PLUGINS  ATTACHMENTS  FILE
            net      1.1.0    p        1            {_files.Path}/net.conflist
            second   0.4.0    q        0            {_files.Path}/z.conf

            """,
            _host.OutputText);

        File.WriteAllText(_files.File("broken.conf"), "{");
        _host.Output.SetLength(0);
        Assert.Equal(1, Run("list", "--json"));
        Assert.StartsWith($"{_files.Path}/broken.conf: ", _host.ErrorText, StringComparison.Ordinal);
        JsonElement[] networks = [.. JsonDocument.Parse(_host.OutputText).RootElement.EnumerateArray()];
        Assert.Equal(("net", "mac", 1), (networks[0].GetProperty("name").GetString(), networks[0].GetProperty("capabilities")[0].GetString(), networks[0].GetProperty("attachments").GetInt32()));
    }

    [Theory]
    [InlineData("list")]
    [InlineData("list --json")]
    public void A_file_with_malformed_capabilities_hides_no_other(string arguments)
    {
        File.WriteAllText(_files.File("a.conflist"), """{"cniVersion":"1.1.0","name":"a","plugins":[{"type":"p","capabilities":7}]}""");
        Assert.Equal(1, Run(arguments.Split(' ')));
        Assert.Equal(
            $"{_files.File("a.conflist")}: error parsing configuration list: failed to load netconf: \"plugins[0].capabilities\" must be an object, not 7\n", _host.ErrorText);
        Assert.Contains($"{_files.Path}/net.conflist", _host.OutputText, StringComparison.Ordinal);
        _host.Output.SetLength(0);
        Assert.Equal(1, Run("validate"));
        Assert.Contains($"{_files.File("a.conflist")}", _host.OutputText, StringComparison.Ordinal);
        Assert.Contains("\"plugins[0].capabilities\" must be an object, not 7", _host.OutputText, StringComparison.Ordinal);
    }

    [Fact]
    public void Configurations_are_validated()
    {
        _files.Plugin("p", """echo '{"cniVersion":"1.0.0","supportedVersions":["1.0.0"]}'""");
        Assert.Equal(1, Run("validate", "--json"));
        JsonElement problem = JsonDocument.Parse(_host.OutputText).RootElement.EnumerateArray().Single(each => each.GetProperty("severity").GetString() == "error");
        Assert.Equal(("plugins[0].type", 1), (problem.GetProperty("field").GetString(), problem.GetProperty("line").GetInt32()));
        _host.Output.SetLength(0);
        Directory.CreateDirectory(_files.File("empty"));
        Assert.Equal(1, Run("validate", _files.File("empty")));
        Assert.Equal($"{_files.File("empty")}: error: no network configurations (*.conflist, *.conf, *.json)\n", _host.OutputText);
    }

    [Fact]
    public void A_trace_shows_what_a_plugin_was_told_and_said()
    {
        _host.Variables["CNI_ARGS"] = "A=1;B=2";
        Assert.Equal(0, Run("--trace", "add", "net", "/n"));
        Assert.StartsWith("--> CNI_COMMAND=ADD CNI_CONTAINERID=cnitool-", _host.ErrorText, StringComparison.Ordinal);
        Assert.Contains($"CNI_NETNS=/n CNI_IFNAME=eth0 CNI_ARGS='A=1;B=2' CNI_PATH={_files.Path} {_files.Path}/p\n{{\n    \"name\": \"net\",\n", _host.ErrorText, StringComparison.Ordinal);
        Assert.Contains("\n<-- p: exit status 0 after ", _host.ErrorText, StringComparison.Ordinal);
        Assert.Contains("\"address\": \"10.0.0.1/8\"", _host.ErrorText, StringComparison.Ordinal);
    }

    [Fact]
    public void Errors_may_be_objects()
    {
        _files.Plugin("p", """echo '{"code":11,"msg":"busy"}'; exit 1""");
        Assert.Equal(1, Run("--json", "add", "net", "/n"));
        JsonElement error = JsonDocument.Parse(_host.OutputText).RootElement;
        Assert.Equal((11, "plugin type=\"p\" failed (add): busy"), (error.GetProperty("code").GetInt32(), error.GetProperty("msg").GetString()));
        Assert.Equal("", _host.ErrorText);
    }

    [Fact]
    public void Help_is_no_mistake() => Assert.Equal(0, Run("--help"));

    private int Run(params string[] arguments) => CniTool.Run(["--cache-dir", _files.File("cache"), .. arguments], _host.Environment);
}
