using System.Diagnostics;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;

namespace Patchbay.SystemTests.Tools;

/// <summary>However a run ends, it leaves nothing: no namespace, process, address, rule or result.</summary>
public sealed class PrivNetRunFaultTests : IDisposable
{
    private readonly RunHost _run = new("priv-net-run");

    public void Dispose() => _run.Dispose();

    private string Ready => $"touch {_run.FileOf("ready")}; sleep 1000; true"; // two processes: the shell stays

    [Theory]
    [InlineData(125, "exit 1", "netplugin failed")]
    [InlineData(125, """echo '{ "code": 123, "msg": "no more ports" }'; exit 1""", "network \"db\" (eth1): plugin type=\"noted\" failed (add): no more ports")]
    public void An_add_that_fails_half_way_is_undone_in_reverse(int status, string body, string text)
    {
        Snapshot before = _run.Warm();
        _run.Script($"if [ \"$CNI_COMMAND $CNI_IFNAME\" = 'ADD eth1' ]; then {body}; fi\n{ScriptPlugin.PassOn}");

        CommandResult result = _run.Run("touch", _run.FileOf("ran"));

        Assert.Equal(status, result.ExitCode);
        Assert.Contains(text, result.StandardError, StringComparison.Ordinal);
        Assert.False(File.Exists(_run.FileOf("ran")));
        Assert.Equal(["ADD noted", "ADD noted", "DEL noted", "DEL noted"], _run.Noted.Calls);
        Assert.Equal("eth0", _run.Noted.Variable("DEL", "CNI_IFNAME"));
        _run.AssertClean(before, _run.Id);
    }

    [Fact]
    public void A_network_that_was_not_begun_is_not_deleted()
    {
        Snapshot before = _run.Warm();
        _run.Script($"if [ \"$CNI_COMMAND $CNI_IFNAME\" = 'ADD eth0' ]; then exit 1; fi\n{ScriptPlugin.PassOn}");
        Assert.Equal(125, _run.Run("true").ExitCode);
        Assert.Equal(["ADD noted", "DEL noted"], _run.Noted.Calls);
        _run.AssertClean(before, _run.Id);
    }

    [Fact]
    public void A_plugin_that_is_not_there_is_told_before_anything_is_made()
    {
        Snapshot before = _run.Warm();
        string id = _run.Id;
        _run.Write("30-broken.conflist", "broken", "cni1", "10.23.0", plugin: "no-such-plugin");
        CommandResult result = _run.Run("true");
        Assert.Equal(125, result.ExitCode);
        Assert.Contains("priv-net-run: network \"broken\": failed to find plugin \"no-such-plugin\" in path [", result.StandardError, StringComparison.Ordinal);
        Assert.Empty(_run.Noted.Calls);
        _run.AssertClean(before, id);
    }

    [Theory]
    [InlineData("TERM", 143)]
    [InlineData("INT", 130)]
    [InlineData("KILL", 137)]
    public void A_signal_in_the_middle_of_an_add_ends_the_plugin_too(string signal, int status)
    {
        Snapshot before = _run.Warm();
        string hang = $"touch {_run.FileOf("ready")}; sh -c 'sleep 1000; true' {_run.Marker}";
        _run.Script($"if [ \"$CNI_COMMAND $CNI_IFNAME\" = 'ADD eth1' ]; then {hang}; fi\n{ScriptPlugin.PassOn}");
        Process tool = _run.Host.Start(_run.Line("true"), _run.Environment);
        _run.AwaitFile("ready");

        RunHost.Send(signal, tool.Id);

        tool.WaitForExit();
        Assert.Equal(status, tool.ExitCode);
        Wait.Until("the end of the guardian", () => Command.Run(["pgrep", "-f", _run.Id]).ExitCode != 0);
        Assert.Equal(["ADD noted", "ADD noted", "DEL noted", "DEL noted"], _run.Noted.Calls);
        _run.AssertClean(before, _run.Id);
    }

    [Fact]
    public void A_plugin_that_hangs_is_killed_by_the_limit()
    {
        Snapshot before = _run.Warm();
        _run.Script($"if [ \"$CNI_COMMAND\" = ADD ]; then exec sleep 1000; fi\n{ScriptPlugin.PassOn}");
        CommandResult result = _run.Run("--timeout", "0.3", "true");
        Assert.Equal(125, result.ExitCode);
        Assert.Contains("did not finish within 0.3 s", result.StandardError, StringComparison.Ordinal);
        _run.AssertClean(before, _run.Id);
    }

    [Fact]
    public void The_tool_is_killed()
    {
        Snapshot before = _run.Warm();
        Process tool = _run.StartReady(Ready);
        string id = _run.Id;
        RunHost.Send("KILL", tool.Id);
        tool.WaitForExit();
        Wait.Until("the end of the guardian", () => Command.Run(["pgrep", "-f", id]).ExitCode != 0);
        _run.AssertClean(before, id);
    }

    [Fact]
    public void The_guardian_is_killed()
    {
        Snapshot before = _run.Warm();
        Process tool = _run.StartReady(Ready);
        RunHost.Send("KILL", RunHost.ChildOf(tool.Id));
        tool.WaitForExit();
        Assert.Equal(137, tool.ExitCode);
        _run.AssertClean(before, _run.Id);
    }

    [Fact]
    public void Tool_and_guardian_are_killed_at_once_and_the_next_run_cleans_up()
    {
        Snapshot before = _run.Warm();
        Process other = _run.StartReady(Ready);
        string living = _run.Id;
        File.Delete(_run.FileOf("ready"));
        Process tool = _run.StartReady(Ready);
        string id = _run.Id;
        RunHost.KillAtOnce(tool);
        Wait.Until("the end of the command", () => Command.Run(["pgrep", "-f", id]).ExitCode != 0);
        Assert.True(File.Exists($"/run/netns/{id}"));

        _run.Run("true").Check();

        Assert.False(File.Exists($"/run/netns/{id}"));
        Assert.False(other.HasExited);
        Assert.True(File.Exists($"/run/netns/{living}"));
        RunHost.Send("TERM", other.Id);
        other.WaitForExit();
        _run.AssertClean(before, id);
    }

    [Fact]
    public void Configurations_that_have_become_unreadable_are_remembered_by_the_cache()
    {
        Snapshot before = _run.Warm();
        Process tool = _run.StartReady(Ready);
        File.WriteAllText(Path.Combine(_run.Host.ConfigDirectory, "05-broken.conflist"), "{ ");

        RunHost.Send("KILL", RunHost.ChildOf(tool.Id)); // the tool, which cleans up then, reads them once more
        tool.WaitForExit();

        _run.AssertClean(before, _run.Id);
    }

    [Fact]
    public void What_the_command_left_in_the_background_ends_with_it()
    {
        Snapshot before = _run.Warm();
        CommandResult result = _run.Run("sh", "-c", $"setsid sh -c 'sleep 1000; true' {_run.Marker} </dev/null >/dev/null 2>&1 & exit 4");
        Assert.Equal(4, result.ExitCode);
        _run.AssertClean(before, _run.Id);
    }

    [Fact]
    public void A_del_that_fails_is_told_and_the_rest_is_done()
    {
        _run.Warm();
        _run.Script($$"""if [ "$CNI_COMMAND $CNI_IFNAME" = 'DEL eth1' ]; then echo '{ "code": 124, "msg": "stuck" }'; exit 1; fi{{"\n"}}{{ScriptPlugin.PassOn}}""");
        CommandResult result = _run.Run("true");
        Assert.Equal(125, result.ExitCode);
        Assert.Contains("network \"db\" (eth1) may not be cleaned up: plugin type=\"noted\" failed (delete): stuck", result.StandardError, StringComparison.Ordinal);
        Assert.Equal(["ADD noted", "ADD noted", "DEL noted", "DEL noted"], _run.Noted.Calls);
        Assert.False(File.Exists($"/run/netns/{_run.Id}"));
        Assert.Equal(9, _run.Run("sh", "-c", "exit 9").ExitCode); // the command's own failure goes before
    }

    [Fact]
    public void Eight_at_once_do_not_meet()
    {
        Snapshot before = _run.Warm();
        _run.Write("40-plain.conflist", "plain", "cni0", "10.22.0", plugin: "tuning"); // the script's notes are for one caller at a time
        Process[] tools = [.. Enumerable.Range(0, 8).Select(_ => _run.Host.Start(_run.Line("--network", "plain", "ip", "-4", "-br", "addr", "show", "eth0"), _run.Environment))];
        string[] addresses = [.. tools.Select(tool => tool.StandardOutput.ReadToEnd())];
        Assert.All(tools, tool =>
        {
            Assert.Equal("", tool.StandardError.ReadToEnd());
            tool.WaitForExit();
            Assert.Equal(0, tool.ExitCode);
        });
        Assert.Equal(8, addresses.Distinct().Count());
        _run.AssertClean(before, _run.Id);
    }
}
