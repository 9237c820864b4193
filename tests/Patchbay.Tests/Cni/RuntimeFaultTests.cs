using System.Diagnostics;
using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Cni.Runtime;

namespace Patchbay.Tests.Cni;

/// <summary>What goes wrong around a chain: the runtime dies, is cancelled, has company; plugins crash or shout; the cache is no good.</summary>
public sealed class RuntimeFaultTests : IDisposable
{
    private static readonly NetworkList List = NetworkList.Parse(
        """{"cniVersion":"1.1.0","name":"net","plugins":[{"type":"one"},{"type":"two"}]}"""u8.ToArray());

    private readonly ScriptDirectory _scripts = new();
    private readonly Attachment _attachment = new() { ContainerId = "ctr", NetnsPath = "/n", IfName = "eth0" };

    public RuntimeFaultTests()
    {
        Plugin("one", "1");
        Plugin("two", "2");
    }

    public void Dispose() => _scripts.Dispose();

    private string Entry => _scripts.File("cache/results/net-ctr-eth0");

    private CniRuntime Runtime => new() { PluginPath = [_scripts.Path], Cache = new ResultCache(_scripts.File("cache")) };

    [Fact]
    public void An_attachment_is_known_before_its_first_plugin_runs()
    {
        _scripts.Plugin("one", $"cp {Entry} $D/seen; echo '{{\"code\":11,\"msg\":\"busy\"}}'; exit 1");
        Assert.Throws<CniException>(() => Runtime.Add(List, _attachment));
        Assert.Contains("\"incomplete\":true", _scripts.Read("seen"), StringComparison.Ordinal);
        Assert.EndsWith("\"result\":{\"cniVersion\":\"1.1.0\"}}", _scripts.Read("seen"), StringComparison.Ordinal);

        CachedAttachment known = Assert.Single(Runtime.Cache.List("net"));
        Assert.Equal((false, (CniResult?)null, "/n"), (known.IsComplete, known.Result, known.Attachment.NetnsPath));
        Plugin("one", "1");
        Runtime.GarbageCollect(List, []);
        Assert.Equal("two DEL\none DEL\none GC\ntwo GC\n", _scripts.Read("calls"));
        Assert.DoesNotContain("prevResult", _scripts.Read("one.DEL"), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_scripts.File("cache/results")));
    }

    [Fact]
    public void A_second_ADD_that_fails_leaves_the_first_one_s_result()
    {
        Runtime.Add(List, _attachment);
        string before = File.ReadAllText(Entry);
        _scripts.Plugin("one", "echo '{\"code\":100,\"msg\":\"eth0 exists\"}'; exit 1");
        Assert.Throws<CniException>(() => Runtime.Add(List, _attachment));
        Assert.Equal(before, File.ReadAllText(Entry));
        Assert.True(Runtime.Cache.Read("net", new("ctr", "eth0"))!.IsComplete);
    }

    [Fact]
    public void Nothing_runs_when_a_plugin_of_the_chain_is_missing()
    {
        File.Delete(_scripts.File("two"));
        CniException error = Assert.Throws<CniException>(() => Runtime.Add(List, _attachment));
        Assert.Equal($"plugin type=\"two\" failed (add): failed to find plugin \"two\" in path [{_scripts.Path}]", error.Message);
        Assert.Equal("", _scripts.Read("calls"));
        Assert.False(File.Exists(Entry));
    }

    [Theory]
    [InlineData("kill -SEGV $$", "netplugin failed with no error message: signal 11")]
    [InlineData("echo oops >&2; exit 3", "netplugin failed: \"oops\": exit status 3")]
    [InlineData("echo '{'; exit 3", "netplugin failed but error parsing its diagnostic message \"{\"")]
    [InlineData("exit 0", "plugin \"one\" printed no result")]
    [InlineData("echo '[]'", "plugin \"one\" printed no valid result: the result must be an object, not []")]
    public void A_plugin_that_breaks_the_protocol_is_told_by_name(string script, string message)
    {
        _scripts.Plugin("one", script);
        Assert.Contains($"plugin type=\"one\" failed (add): {message}", Assert.Throws<CniException>(() => Runtime.Add(List, _attachment)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Megabytes_on_standard_error_are_handed_on()
    {
        _scripts.Plugin("one", "head -c 5000000 /dev/zero >&2; [ $CNI_COMMAND != ADD ] || echo '{\"ips\":[]}'");
        using MemoryStream error = new();
        new CniRuntime { PluginPath = [_scripts.Path], Cache = new ResultCache(_scripts.File("cache")), Error = error }.Add(List, _attachment);
        Assert.Equal(5_000_000, error.Length);
    }

    [Fact]
    public void A_plugin_that_cannot_be_executed_is_told()
    {
        File.SetUnixFileMode(_scripts.File("one"), UnixFileMode.UserRead);
        Assert.Contains("Permission denied", Assert.Throws<CniException>(() => Runtime.Add(List, _attachment)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancellation_kills_the_plugin_and_what_it_started()
    {
        _scripts.Plugin("one", "sleep 1000 & echo $! >$D/pid.new; mv $D/pid.new $D/pid; wait");
        using CancellationTokenSource source = new();
        Task<CniResult> add = Runtime.AddAsync(List, _attachment, source.Token);
        while (!File.Exists(_scripts.File("pid")))
            await Task.Delay(5, TestContext.Current.CancellationToken);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => add);
        string status = $"/proc/{_scripts.Read("pid").Trim()}/status";
        while (File.Exists(status) && !File.ReadAllText(status).Contains("State:\tZ", StringComparison.Ordinal)) // until somebody reaps it
            await Task.Delay(5, TestContext.Current.CancellationToken);
        Assert.False(Assert.Single(Runtime.Cache.List()).IsComplete);
    }

    [Fact]
    public async Task What_was_cancelled_before_runs_nothing()
    {
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Runtime.AddAsync(List, _attachment, new CancellationToken(canceled: true)));
        Assert.Throws<OperationCanceledException>(() => Runtime.Delete(List, _attachment, new CancellationToken(canceled: true)));
        Assert.Equal("", _scripts.Read("calls"));
    }

    [Fact]
    public async Task Tasks_do_what_the_methods_do()
    {
        CancellationToken token = TestContext.Current.CancellationToken;
        CniRuntime runtime = Runtime;
        Assert.Equal("10.0.0.2/8", (await runtime.AddAsync(List, _attachment, token)).Ips[0].Address.ToString());
        await runtime.CheckAsync(List, _attachment, token);
        await runtime.StatusAsync(List, token);
        await runtime.DeleteAsync(List, _attachment, token);
        await runtime.GarbageCollectAsync(List, [], token);
        Assert.Equal("one ADD\ntwo ADD\none CHECK\ntwo CHECK\none STATUS\ntwo STATUS\ntwo DEL\none DEL\none GC\ntwo GC\n", _scripts.Read("calls"));
    }

    [Fact]
    public async Task Two_runtimes_at_one_attachment_wait_for_one_another()
    {
        _scripts.Plugin("one", """
            echo "begin $CNI_COMMAND" >>$D/calls; while [ $CNI_COMMAND = ADD ] && [ ! -e $D/go ]; do sleep 0.01; done; echo "end $CNI_COMMAND" >>$D/calls
            [ $CNI_COMMAND != ADD ] || echo '{"ips":[{"address":"10.0.0.1/8"}]}'
            """);
        Task<CniResult> add = Runtime.AddAsync(List, _attachment, TestContext.Current.CancellationToken);
        while (!_scripts.Read("calls").Contains("begin", StringComparison.Ordinal))
            await Task.Delay(5, TestContext.Current.CancellationToken);
        Task delete = Runtime.DeleteAsync(List, _attachment, TestContext.Current.CancellationToken);
        Task collect = Runtime.GarbageCollectAsync(List, [new("ctr", "eth0")], TestContext.Current.CancellationToken);
        CniRuntime hasty = new() { PluginPath = [_scripts.Path], Cache = new ResultCache(_scripts.File("cache")), Limit = TimeSpan.FromSeconds(0.1) };
        CniException busy = Assert.Throws<CniException>(() => hasty.Delete(List, _attachment));
        Assert.Equal((11u, "another runtime is at work on interface eth0 of container ctr of network \"net\" since more than 0.1 s"), (busy.Code, busy.Message));
        Assert.Contains("at work on an attachment of network", Assert.Throws<CniException>(() => hasty.GarbageCollect(List, null)).Message, StringComparison.Ordinal);
        File.WriteAllText(_scripts.File("go"), "");
        await Task.WhenAll(add, delete, collect);
        Assert.StartsWith("begin ADD\nend ADD\ntwo ADD\n", _scripts.Read("calls"), StringComparison.Ordinal);
        Assert.Equal(1, _scripts.Read("calls").Split("begin DEL").Length - 1);
    }

    [Fact]
    public async Task Waiting_for_another_runtime_ends_on_a_cancellation()
    {
        _scripts.Plugin("one", "echo \"one $CNI_COMMAND\" >>$D/calls; while [ ! -e $D/go ]; do sleep 0.01; done; echo '{\"ips\":[]}'");
        Task<CniResult> add = Runtime.AddAsync(List, _attachment, TestContext.Current.CancellationToken);
        while (!_scripts.Read("calls").Contains("ADD", StringComparison.Ordinal))
            await Task.Delay(5, TestContext.Current.CancellationToken);
        using CancellationTokenSource source = new();
        Task delete = Runtime.DeleteAsync(List, _attachment, source.Token);
        while (Directory.GetFiles("/proc/self/fd").Count(fd => Target(fd) == _scripts.File("cache/patchbay.lock")) < 2)
            await Task.Delay(5, TestContext.Current.CancellationToken);

        await source.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => delete);
        File.WriteAllText(_scripts.File("go"), "");
        await add;
        Assert.Equal("one ADD\ntwo ADD\n", _scripts.Read("calls"));
        Assert.True(Assert.Single(Runtime.Cache.List()).IsComplete);
        Assert.False(File.Exists(_scripts.File("cache/patchbay.lock")));

        // Other tests close their files meanwhile.
        static string? Target(string fd)
        {
            try
            {
                return File.ResolveLinkTarget(fd, false)?.FullName;
            }
            catch (IOException)
            {
                return null;
            }
        }
    }

    [Fact]
    public async Task Other_attachments_do_not_wait()
    {
        _scripts.Plugin("one", """
            while [ $CNI_CONTAINERID = ctr ] && [ ! -e $D/go ]; do sleep 0.01; done; touch $D/began; echo '{"ips":[{"address":"10.0.0.1/8"}]}'
            """);
        Task<CniResult> add = Runtime.AddAsync(List, _attachment, TestContext.Current.CancellationToken);
        await Runtime.AddAsync(List, _attachment with { ContainerId = "other" }, TestContext.Current.CancellationToken);
        Assert.False(add.IsCompleted);
        File.WriteAllText(_scripts.File("go"), "");
        await add;
        Assert.Equal(["ctr", "other"], Runtime.Cache.List("net").Select(entry => entry.Attachment.ContainerId));
        Assert.Equal("other", Assert.Single(Runtime.Cache.List(containerId: "other")).Attachment.ContainerId);
    }

    [Fact]
    public async Task Many_at_once_leave_no_lock()
    {
        await Task.WhenAll(Enumerable.Range(0, 12).Select(async number =>
        {
            Attachment own = _attachment with { ContainerId = $"ctr{number % 4}" };
            await Runtime.AddAsync(List, own, TestContext.Current.CancellationToken);
            await Runtime.DeleteAsync(List, own, TestContext.Current.CancellationToken);
        }));
        Assert.Equal(["results"], Directory.GetFileSystemEntries(_scripts.File("cache")).Select(Path.GetFileName));
        Assert.Empty(Runtime.Cache.List());
    }

    [Fact]
    public void A_cache_that_cannot_be_written_stops_an_ADD_before_it_begins_and_no_DEL()
    {
        File.WriteAllText(_scripts.File("cache"), "a file where a directory should be");
        CniException error = Assert.Throws<CniException>(() => Runtime.Add(List, _attachment));
        Assert.Equal(5u, error.Code);
        Assert.StartsWith("failed to set network \"net\" cached result: ", error.Message, StringComparison.Ordinal);
        Assert.Equal("", _scripts.Read("calls"));
        Runtime.Delete(List, _attachment);
        Assert.Equal("two DEL\none DEL\n", _scripts.Read("calls"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{\"kind\":\"cniCacheV7\",\"result\":{}}")]
    [InlineData("{\"kind\":\"cniCacheV1\",\"config\":\"!\"}")]
    [InlineData("{\"kind\":\"cniCacheV1\",\"result\":{\"cniVersion\":\"1.0.0\",\"ips\":7}}")]
    public void A_cache_entry_that_is_no_good_fails_CHECK_and_no_DEL(string text)
    {
        Runtime.Add(List, _attachment);
        File.WriteAllText(Entry, text);
        Assert.StartsWith($"cannot read the cached result {Entry}: ", Assert.Throws<CniException>(() => Runtime.Check(List, _attachment)).Message, StringComparison.Ordinal);
        Runtime.Delete(List, _attachment);
        Assert.False(File.Exists(Entry));
        Assert.DoesNotContain("prevResult", _scripts.Read("one.DEL"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"kind\":\"cniCacheV1\",", "cannot read the cached result {0}: ")]
    [InlineData("{\"kind\":\"cniCacheV7\"}", "cannot read the cached result {0}: its \"kind\" is \"cniCacheV7\"")]
    [InlineData("{\"cniVersion\":\"0.3.1\",\"ips\":[]}", "the cached result {0} does not say whose it is")]
    public void A_cache_entry_that_is_no_good_is_what_GC_leaves_and_tells(string text, string message)
    {
        Runtime.Add(List, _attachment);
        Runtime.Add(List, _attachment with { ContainerId = "other" });
        File.WriteAllText(Entry, text);
        File.WriteAllText(_scripts.File("calls"), "");

        CniException error = Assert.Throws<CniException>(() => Runtime.GarbageCollect(List, null));

        Assert.Equal("two DEL\none DEL\none GC\ntwo GC\n", _scripts.Read("calls")); // all that the others need
        Assert.DoesNotContain("cni.dev/", _scripts.Read("one.GC"), StringComparison.Ordinal);
        Assert.Equal([Entry], Directory.GetFiles(_scripts.File("cache/results")));
        Assert.StartsWith(message.Replace("{0}", Entry, StringComparison.Ordinal), error.Message, StringComparison.Ordinal);
        Assert.EndsWith("; whatever it was for is still there: DEL that container or, when it is gone for good, remove the file", error.Message, StringComparison.Ordinal);

        // Of one that is to stay nothing needs to be known, and another network's file is no business of ours.
        Runtime.GarbageCollect(List, [_attachment.Id]);
        Assert.Contains("\"containerID\":\"ctr\"", _scripts.Read("one.GC"), StringComparison.Ordinal);
        File.Move(Entry, _scripts.File("cache/results/web-ctr-eth0"));
        Runtime.GarbageCollect(List, null);
    }

    [Fact]
    public void A_container_id_may_be_longer_than_a_file_s_name()
    {
        Attachment attachment = _attachment with { ContainerId = new string('c', 300) };
        Runtime.Add(List, attachment);
        Runtime.Check(List, attachment);
        Assert.Equal("10.0.0.2/8", Runtime.Cache.Read("net", new(attachment.ContainerId, "eth0"))!.Result!.Ips[0].Address.ToString());
        Runtime.GarbageCollect(List, []);
        Assert.Empty(Directory.GetFiles(_scripts.File("cache/results")));
    }

    [Fact]
    public void A_trace_goes_on_in_the_plugins()
    {
        _scripts.Plugin("one", "env >$D/env; [ $CNI_COMMAND != ADD ] || echo '{\"ips\":[]}'");
        using Activity activity = new Activity("test").SetIdFormat(ActivityIdFormat.W3C).AddBaggage("tenant", "a b").Start();
        activity.TraceStateString = "vendor=1";
        Runtime.Add(List, _attachment);
        string[] env = _scripts.Read("env").Split('\n');
        Assert.Contains($"TRACEPARENT={activity.Id}", env);
        Assert.Contains("TRACESTATE=vendor=1", env);
        Assert.Contains("BAGGAGE=tenant=a%20b", env);
    }

    [Fact]
    public void An_observer_sees_each_call()
    {
        List<PluginCall> calls = [];
        CniRuntime runtime = new() { PluginPath = [_scripts.Path], Cache = new ResultCache(_scripts.File("cache")), Observer = calls.Add };
        runtime.Add(List, _attachment);
        Assert.Equal(["one", "two"], calls.Select(call => call.Type));
        Assert.Equal((_scripts.File("one"), "ADD", true), (calls[0].Path, calls[0].Variables["CNI_COMMAND"], calls[0].Result!.Succeeded));
        Assert.Contains("10.0.0.1/8", Encoding.UTF8.GetString(calls[1].Input.Span), StringComparison.Ordinal);
        Assert.True(calls[0].Elapsed > TimeSpan.Zero);
    }

    [Theory]
    [InlineData("""echo '{"cniVersion":"1.0.0","supportedVersions":["0.4.0","1.0.0"]}'""", "1.0.0", "0.4.0 1.0.0")]
    [InlineData("""echo '{"cniVersion":"0.2.0"}'""", "0.2.0", "0.1.0 0.2.0")]
    [InlineData("""echo '{"code":4,"msg":"unknown CNI_COMMAND: VERSION"}'; exit 1""", "0.1.0", "0.1.0")]
    public void A_plugin_tells_its_versions(string script, string current, string supported)
    {
        _scripts.Plugin("one", $"cat >$D/stdin; {script}");
        PluginVersions versions = Runtime.Versions("one");
        Assert.Equal((current, supported), (versions.Current, string.Join(' ', versions.Supported)));
        Assert.Equal("""{"cniVersion":"1.1.0"}""", _scripts.Read("stdin"));
    }

    [Fact]
    public void A_network_is_validated_against_its_plugins()
    {
        _scripts.Plugin("one", """echo '{"cniVersion":"1.1.0","supportedVersions":["1.0.0","1.1.0"]}'""");
        _scripts.Plugin("two", """echo '{"cniVersion":"1.0.0","supportedVersions":["1.0.0"]}'""");
        NetworkList list = NetworkList.Parse(Encoding.UTF8.GetBytes(
            """{"cniVersion":"1.0.0","name":"net","plugins":[{"type":"one","capabilities":{"mac":true,"ips":false}},{"type":"two","capabilities":{"portMappings":true,"mac":true}}]}"""));
        Assert.Equal(["mac", "portMappings"], Runtime.Validate(list));
        Assert.Equal("plugin two does not support config version \"1.1.0\"", Assert.Throws<CniException>(() => Runtime.Validate(List)).Message);
        _scripts.Plugin("one", "echo 7");
        Assert.StartsWith("plugin \"one\" gave no valid answer to VERSION: ", Assert.Throws<CniException>(() => Runtime.Validate(List)).Message, StringComparison.Ordinal);
    }

    private void Plugin(string name, string number) => _scripts.Plugin(name, $$"""
        echo "{{name}} $CNI_COMMAND" >>$D/calls; cat >$D/{{name}}.$CNI_COMMAND
        [ $CNI_COMMAND != ADD ] || echo '{"ips":[{"address":"10.0.0.{{number}}/8"}]}'
        """);
}
