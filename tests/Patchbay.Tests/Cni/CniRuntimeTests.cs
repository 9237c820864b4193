using System.Text;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Cni.Runtime;

namespace Patchbay.Tests.Cni;

public sealed class CniRuntimeTests : IDisposable
{
    private const string Config = """
        {"cniVersion":"VERSION","name":"net","plugins":[{"type":"one","name":"own","key":[1],"capabilities":{"mac":true,"ips":true}},{"type":"two","runtimeConfig":{"kept":1}}]}
        """;

    private readonly ScriptDirectory _scripts = new();
    private readonly Attachment _attachment;

    public CniRuntimeTests()
    {
        _attachment = new Attachment
        {
            ContainerId = "ctr",
            NetnsPath = "/run/netns/x",
            IfName = "eth0",
            Args = [new("A", "1"), new("B", "2")],
            CapabilityArgs = new Dictionary<string, JsonElement> { ["mac"] = JsonDocument.Parse("\"aa\"").RootElement, ["other"] = JsonDocument.Parse("1").RootElement },
        };
        Plugin("one", 1);
        Plugin("two", 2);
    }

    public void Dispose() => _scripts.Dispose();

    [Fact]
    public void A_chain_is_added_checked_and_deleted()
    {
        NetworkList list = List("1.0.0");
        CniResult result = Runtime().Add(list, _attachment);
        Assert.Equal("10.0.0.2/8", result.Ips[0].Address.ToString());
        Runtime().Check(list, _attachment);
        Runtime().Delete(list, _attachment);
        Assert.Equal(
            """
            one ADD ctr /run/netns/x eth0 A=1;B=2
            two ADD ctr /run/netns/x eth0 A=1;B=2
            one CHECK ctr /run/netns/x eth0 A=1;B=2
            two CHECK ctr /run/netns/x eth0 A=1;B=2
            two DEL ctr /run/netns/x eth0 A=1;B=2
            one DEL ctr /run/netns/x eth0 A=1;B=2

            """,
            _scripts.Read("calls"));
        const string First = """{"name":"net","cniVersion":"1.0.0","type":"one","key":[1],"capabilities":{"mac":true,"ips":true},"runtimeConfig":{"mac":"aa"}""";
        const string Second = """{"name":"net","cniVersion":"1.0.0","type":"two","runtimeConfig":{"kept":1}""";
        Assert.Equal(First + "}", _scripts.Read("one.ADD"));
        Assert.Equal(Second + Prev(1), _scripts.Read("two.ADD"));
        Assert.Equal(First + Prev(2), _scripts.Read("one.CHECK"));
        Assert.Equal(First + Prev(2), _scripts.Read("one.DEL"));
        Assert.Equal(Second + Prev(2), _scripts.Read("two.DEL"));
        Assert.Empty(Directory.GetFiles(_scripts.File("cache/results")));

        static string Prev(int number) => $$$""","prevResult":{"cniVersion":"1.0.0","ips":[{"address":"10.0.0.{{{number}}}/8"}]}}""";
    }

    [Fact]
    public void Before_0_4_0_DEL_has_no_prevResult_and_there_is_no_CHECK()
    {
        NetworkList list = List("0.3.1");
        Runtime().Add(list, _attachment);
        Runtime().Delete(list, _attachment);
        Assert.DoesNotContain("prevResult", _scripts.Read("one.DEL"), StringComparison.Ordinal);
        CniException error = Assert.Throws<CniException>(() => Runtime().Check(list, _attachment));
        Assert.Equal((1u, "configuration version \"0.3.1\" does not support the CHECK command"), (error.Code, error.Message));
    }

    [Fact]
    public void Errors_name_the_plugin_and_keep_their_code()
    {
        _scripts.Plugin("two", """echo '{"code":11,"msg":"busy","details":"d"}'; exit 1""");
        NetworkList list = List("1.1.0");
        CniException add = Assert.Throws<CniException>(() => Runtime().Add(list, _attachment));
        Assert.Equal((11u, "plugin type=\"two\" failed (add): busy", "d"), (add.Code, add.Message, add.Details));
        Assert.Equal("plugin type=\"two\" failed (delete): busy", Assert.Throws<CniException>(() => Runtime().Delete(list, _attachment)).Message);
        Assert.Equal("busy", Assert.Throws<CniException>(() => Runtime().Check(list, _attachment)).Message);
        Assert.Equal("busy", Assert.Throws<CniException>(() => Runtime().Status(list)).Message);

        File.Delete(_scripts.File("one"));
        Assert.StartsWith("plugin type=\"one\" name=\"own\" failed (add): failed to find", Assert.Throws<CniException>(() => Runtime().Add(list, _attachment)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_chain_that_broke_is_known_to_DEL()
    {
        _scripts.Plugin("two", "cat >$D/two.$CNI_COMMAND; [ $CNI_COMMAND = DEL ]");
        Assert.Throws<CniException>(() => Runtime().Add(List("1.0.0"), _attachment));
        Runtime().Delete(List("1.0.0"), _attachment);
        Assert.Contains("10.0.0.1/8", _scripts.Read("two.DEL"), StringComparison.Ordinal);
    }

    [Fact]
    public void Checks_can_be_turned_off()
    {
        NetworkList list = NetworkList.Parse(Encoding.UTF8.GetBytes("""{"cniVersion":"1.1.0","name":"net","disableCheck":true,"disableGC":true,"plugins":[{"type":"one"}]}"""));
        Runtime().Check(list, _attachment);
        Runtime().GarbageCollect(list, null);
        Assert.Equal("", _scripts.Read("calls"));
    }

    [Fact]
    public void A_corrupt_cache_fails_CHECK_but_not_DEL()
    {
        Runtime().Add(List("1.0.0"), _attachment);
        File.WriteAllText(_scripts.File("cache/results/net-ctr-eth0"), "{");
        Assert.Contains("cache/results/net-ctr-eth0", Assert.Throws<CniException>(() => Runtime().Check(List("1.0.0"), _attachment)).Message, StringComparison.Ordinal);
        Runtime().Delete(List("1.0.0"), _attachment);
        Assert.DoesNotContain("prevResult", _scripts.Read("one.DEL"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1.0.0", "")]
    [InlineData("1.1.0", "one STATUS    \ntwo STATUS    \n")]
    public void Status_is_asked_from_1_1_0_on(string version, string calls)
    {
        Runtime().Status(List(version));
        Assert.Equal(calls, _scripts.Read("calls"));
    }

    [Fact]
    public void Garbage_collection_deletes_what_is_stale_and_tells_the_plugins()
    {
        NetworkList list = List("1.1.0");
        Runtime().Add(list, _attachment);
        Runtime().Add(list, _attachment with { ContainerId = "stale", NetnsPath = "/gone" });
        File.Delete(_scripts.File("calls"));
        Runtime().GarbageCollect(list, [new("ctr", "eth0")]);
        Assert.Equal("two DEL stale /gone eth0 A=1;B=2\none DEL stale /gone eth0 A=1;B=2\none GC    \ntwo GC    \n", _scripts.Read("calls"));
        Assert.Contains("\"runtimeConfig\":{\"mac\":\"aa\"}", _scripts.Read("one.DEL"), StringComparison.Ordinal);
        const string Valid = """[{"containerID":"ctr","ifname":"eth0"}]""";
        Assert.EndsWith($"\"cni.dev/attachments\":{Valid},\"cni.dev/valid-attachments\":{Valid}}}", _scripts.Read("one.GC"), StringComparison.Ordinal);
        Assert.Equal(["net-ctr-eth0"], Directory.GetFiles(_scripts.File("cache/results")).Select(Path.GetFileName));

        Runtime().GarbageCollect(list, null);
        Assert.DoesNotContain("cni.dev", _scripts.Read("one.GC"), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(_scripts.File("cache/results")));
    }

    [Fact]
    public void Garbage_collection_goes_on_after_errors()
    {
        NetworkList list = List("1.1.0");
        Runtime().Add(list, _attachment);
        _scripts.Plugin("one", "echo $CNI_COMMAND >>$D/one.calls; echo '{\"code\":50,\"msg\":\"no\"}'; exit 1");
        CniException error = Assert.Throws<CniException>(() => Runtime().GarbageCollect(list, []));
        Assert.Equal((50u, "failed to delete stale attachment ctr eth0: plugin type=\"one\" name=\"own\" failed (delete): no; failed to GC plugin one: no"), (error.Code, error.Message));
        Assert.Contains("two GC", _scripts.Read("calls"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_plugin_that_hangs_is_killed_at_the_limit()
    {
        _scripts.Plugin("one", "sleep 100");
        CniException error = Assert.Throws<CniException>(() => Runtime(TimeSpan.FromSeconds(0.2)).Add(List("1.0.0"), _attachment));
        Assert.Equal((11u, "plugin type=\"one\" name=\"own\" failed (add): plugin \"one\" did not finish within 0.2 s (the runtime's limit) and was killed"), (error.Code, error.Message));
    }

    [Theory]
    [InlineData("../x", "eth0")]
    [InlineData("", "eth0")]
    [InlineData("ctr", "a/b")]
    public void Names_are_checked_before_anything_is_run(string container, string ifName)
    {
        Attachment bad = _attachment with { ContainerId = container, IfName = ifName };
        Assert.Throws<CniException>(() => Runtime().Add(List("1.0.0"), bad));
        Assert.Throws<CniException>(() => Runtime().Delete(List("1.0.0"), bad));
        Assert.Equal("", _scripts.Read("calls"));
    }

    private CniRuntime Runtime(TimeSpan? limit = null) =>
        new() { PluginPath = [_scripts.Path], Cache = new ResultCache(_scripts.File("cache")), Limit = limit };

    private static NetworkList List(string version) => NetworkList.Parse(Encoding.UTF8.GetBytes(Config.Replace("VERSION", version, StringComparison.Ordinal)));

    private void Plugin(string name, int number) => _scripts.Plugin(name, $$"""
        echo "{{name}} $CNI_COMMAND $CNI_CONTAINERID $CNI_NETNS $CNI_IFNAME $CNI_ARGS" >>$D/calls; cat >$D/{{name}}.$CNI_COMMAND
        [ $CNI_COMMAND != ADD ] || echo '{"ips":[{"version":"4","address":"10.0.0.{{number}}/8"}]}'
        """);
}
