using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Tests.Cni;

public sealed class PluginDelegateTests : IDisposable
{
    private const string Result = """echo '{"cniVersion":"1.0.0","ips":[{"address":"10.0.0.5/8"}]}'""";
    private readonly ScriptDirectory _scripts = new();
    private readonly FakeHost _host = new();

    public PluginDelegateTests() => _host.Variables["CNI_PATH"] = "/no/such/dir::" + _scripts.Path;

    public void Dispose() => _scripts.Dispose();

    [Fact]
    public void A_delegate_gets_our_environment_our_configuration_and_its_own_command()
    {
        _scripts.Plugin("ipam", """
            echo "$CNI_COMMAND $CNI_CONTAINERID $CNI_NETNS $CNI_IFNAME $CNI_PATH $MARK" >>$D/calls; cat >$D/stdin; echo free text >&2

            """ + Result);
        _host.Variables["MARK"] = "kept";
        CniResult result = _host.Request(CniCommand.Check).Delegate("ipam").Add();
        Assert.Equal("10.0.0.5/8", result.Ips[0].Address.ToString());
        Assert.Equal($"ADD ctr1 /netns/other eth0 {_host.Variables["CNI_PATH"]} kept\n", _scripts.Read("calls"));
        Assert.Equal("""{"cniVersion":"1.0.0","name":"net"}""", _scripts.Read("stdin"));
        Assert.Equal("free text\n", _host.ErrorText);
    }

    [Fact]
    public void A_circle_of_delegates_ends_in_an_error_across_processes_too()
    {
        _scripts.Plugin("ipam", "echo $PATCHBAY_DELEGATE_DEPTH >>$D/calls");
        _host.Request().Delegate("ipam").Delete();
        _host.Variables["PATCHBAY_DELEGATE_DEPTH"] = "7";
        _host.Request().Delegate("ipam").Delete();
        _host.Variables["PATCHBAY_DELEGATE_DEPTH"] = "8";
        CniException error = Assert.Throws<CniException>(() => _host.Request().Delegate("ipam").Delete());
        Assert.Equal((CniError.InvalidNetworkConfig, "more than 8 plugins delegate to each other: does \"ipam\" name itself as its \"ipam\" or delegate?"), (error.Code, error.Message));
        Assert.Equal("1\n8\n", _scripts.Read("calls"));
    }

    [Fact]
    public void Every_command_is_passed_on()
    {
        _scripts.Plugin("ipam", "echo $CNI_COMMAND >>$D/calls");
        PluginDelegate ipam = _host.Request().Delegate("ipam");
        ipam.Delete();
        ipam.Check();
        ipam.GarbageCollect();
        ipam.Status();
        Assert.Equal("DEL\nCHECK\nGC\nSTATUS\n", _scripts.Read("calls"));
    }

    [Theory]
    [InlineData("", "no plugin name provided")]
    [InlineData("../ipam", "invalid plugin name: ../ipam")]
    [InlineData("..", "invalid plugin name: ..")]
    [InlineData("none", "failed to find plugin \"none\" in path [/no/such/dir DIR]")]
    [InlineData("directory", "failed to find plugin \"directory\" in path [/no/such/dir DIR]")]
    public void What_is_no_plugin_is_told(string type, string message)
    {
        Directory.CreateDirectory(_scripts.File("directory"));
        CniException error = Assert.Throws<CniException>(() => _host.Request().Delegate(type).Add());
        Assert.Equal((999u, message.Replace("DIR", _scripts.Path, StringComparison.Ordinal)), (error.Code, error.Message));
        // An ADD would fail: that is what STATUS is asked for.
        Assert.Equal(50u, Assert.Throws<CniException>(() => _host.Request().Delegate(type).Status()).Code);
    }

    [Theory]
    [InlineData("""echo '{"code":11,"msg":"m","details":"d"}'; exit 1""", 11u, "m", "d")]
    [InlineData("exit 3", 999u, "netplugin failed with no error message: exit status 3", "")]
    [InlineData("echo a >&2; echo b >&2; exit 3", 999u, "netplugin failed: \"a\\nb\": exit status 3", "")]
    [InlineData("kill -9 $$", 999u, "netplugin failed with no error message: signal 9", "")]
    [InlineData("echo '{}'; exit 1", 999u, "netplugin failed but its diagnostic message has neither code nor msg: \"{}\": exit status 1", "")]
    [InlineData("echo garbage; exit 1", 999u, "netplugin failed but error parsing its diagnostic message \"garbage\": ", "exit status 1")]
    [InlineData("echo 5; echo x >&2; exit 1", 999u, "netplugin failed but error parsing its diagnostic message \"5\": ", "exit status 1, stderr \"x\"")]
    [InlineData("exit 0", 999u, "plugin \"ipam\" printed no result", "")]
    [InlineData("echo garbage", 999u, "plugin \"ipam\" printed no valid result: ", "garbage")]
    [InlineData("echo '{\"cniVersion\":\"7.0.0\"}'", 999u, "plugin \"ipam\" printed no valid result: unsupported CNI result version \"7.0.0\"", "{\"cniVersion\":\"7.0.0\"}")]
    public void A_failed_ADD_is_told_and_undone(string script, uint code, string message, string details)
    {
        _scripts.Plugin("ipam", $"echo $CNI_COMMAND >>$D/calls; [ $CNI_COMMAND = DEL ] && exit 0\n{script}");
        CniException error = Assert.Throws<CniException>(() => _host.Request().Delegate("ipam").Add());
        Assert.Equal((code, details), (error.Code, error.Details));
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
        Assert.Equal("ADD\nDEL\n", _scripts.Read("calls"));
    }

    [Fact]
    public void Work_that_fails_after_the_ADD_releases_too()
    {
        _scripts.Plugin("ipam", "echo $CNI_COMMAND >>$D/calls; [ $CNI_COMMAND = DEL ] && { echo '{\"code\":5,\"msg\":\"no\"}'; exit 1; }\n" + Result);
        PluginDelegate ipam = _host.Request().Delegate("ipam");
        Assert.Equal(1, ipam.AddThen(result => result.Ips.Count));
        Assert.Equal("ADD\n", _scripts.Read("calls"));
        Assert.Equal("work", Assert.Throws<IOException>(() => ipam.AddThen<int>(_ => throw new IOException("work"))).Message);
        Assert.Equal("ADD\nADD\nDEL\n", _scripts.Read("calls"));
        Assert.Equal("plugin \"ipam\" failed to undo its ADD: no\n", _host.ErrorText);
    }

    [Theory]
    [InlineData("sleep 100")]
    [InlineData("exec >&- 2>&-; sleep 100")]
    [InlineData("sleep 100 & wait")]
    public void A_delegate_that_hangs_is_killed_at_its_limit(string script)
    {
        _scripts.Plugin("ipam", $"[ $CNI_COMMAND = DEL ] && exit 0\n{script}");
        _host.Variables[PluginDelegate.TimeoutVariable] = "0.2";
        CniException error = Assert.Throws<CniException>(() => _host.Request().Delegate("ipam").Add());
        Assert.Equal((11u, "plugin \"ipam\" did not finish within 0.2 s (PATCHBAY_DELEGATE_TIMEOUT) and was killed"), (error.Code, error.Message));
    }

    [Theory]
    [InlineData("x")]
    [InlineData("0")]
    [InlineData("-1")]
    public void A_limit_must_be_a_number(string value)
    {
        _scripts.Plugin("ipam", Result);
        _host.Variables[PluginDelegate.TimeoutVariable] = value;
        CniException error = Assert.Throws<CniException>(() => _host.Request().Delegate("ipam").Check());
        Assert.Equal(4u, error.Code);
        Assert.Contains($"\"{value}\"", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void One_of_our_own_is_called_without_a_process()
    {
        RecordingPlugin plugin = new();
        _host.BuiltIn = type => type == "ipam" ? plugin : null;
        _host.Self = _scripts.Plugin("ipam", "echo executed >>$D/calls");
        PluginRequest request = _host.Request();
        Assert.Equal("10.0.0.1/8", request.Delegate("ipam").Add().Ips[0].Address.ToString());
        plugin.OnAdd = _ => throw new CniException(11, "full");
        Assert.Equal("full", Assert.Throws<CniException>(() => request.Delegate("ipam").Add()).Message);
        // It undoes what it did itself: a DEL would end an attachment that lives.
        Assert.Equal(["ADD", "ADD"], plugin.Calls);
        plugin.OnAdd = new RecordingPlugin().OnAdd;
        Assert.Equal("work", Assert.Throws<IOException>(() => request.Delegate("ipam").AddThen<int>(_ => throw new IOException("work"))).Message);
        Assert.Equal(["ADD", "ADD", "ADD", "DEL"], plugin.Calls);

        Assert.Equal(4u, Assert.Throws<CniException>(() => (request with { IfName = "a/b" }).Delegate("ipam").Check()).Code);
        plugin.Versions = [SpecVersion.V040];
        Assert.Equal(1u, Assert.Throws<CniException>(() => request.Delegate("ipam").Status()).Code);
        Assert.Equal("", _scripts.Read("calls"));
    }

    [Fact]
    public void Another_file_of_our_own_name_is_executed()
    {
        _host.BuiltIn = _ => new RecordingPlugin();
        _scripts.Plugin("ipam", "echo executed >>$D/calls");
        _host.Request().Delegate("ipam").Delete();
        Assert.Equal("executed\n", _scripts.Read("calls"));
    }
}
