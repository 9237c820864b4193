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
    [InlineData("add net /n extra", "", "", "cnitool: run the plugins")]
    [InlineData("add net /n -x y", "", "", "cnitool: unknown flag -x")]
    [InlineData("add net /n -i", "", "", "cnitool: -i needs a value")]
    [InlineData("add net /n -t soon", "", "", "cnitool: -t must be a number of seconds above 0, not \"soon\"")]
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
    public void Help_is_no_mistake() => Assert.Equal(0, Run("--help"));

    private int Run(params string[] arguments) => CniTool.Run(["--cache-dir", _files.File("cache"), .. arguments], _host.Environment);
}
