using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Cni.Runtime;

namespace Patchbay.Tests.Cni;

public sealed class ResultCacheTests : IDisposable
{
    private readonly ScriptDirectory _files = new();

    public void Dispose() => _files.Dispose();

    private ResultCache Cache => new(_files.Path);

    [Fact]
    public void An_entry_has_the_layout_that_other_runtimes_read()
    {
        Attachment attachment = new()
        {
            ContainerId = "c",
            IfName = "eth0",
            NetnsPath = "/n",
            Args = [new("K", "V")],
            CapabilityArgs = new Dictionary<string, JsonElement> { ["mac"] = JsonDocument.Parse("\"aa\"").RootElement },
        };
        Cache.Write(List("net"), attachment, Result("10.0.0.1/8"));
        Assert.Equal(
            """{"kind":"cniCacheV1","containerId":"c","config":"eyJjbmlWZXJzaW9uIjoiMS4wLjAiLCJuYW1lIjoibmV0IiwicGx1Z2lucyI6W3sidHlwZSI6ImEifV19","ifName":"eth0","networkName":"net","netns":"/n","cniArgs":[["K","V"]],"capabilityArgs":{"mac":"aa"},"result":{"cniVersion":"1.0.0","ips":[{"address":"10.0.0.1/8"}]}}""",
            _files.Read("results/net-c-eth0"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_files.File("results/net-c-eth0")));
        Assert.Equal((UnixFileMode)0b111_000_000, File.GetUnixFileMode(_files.File("results")));

        CachedAttachment back = Cache.Read("net", new("c", "eth0"))!;
        Assert.Equal(("net", "/n", "10.0.0.1/8"), (back.NetworkName, back.Attachment.NetnsPath, back.Result!.Ips[0].Address.ToString()));
        Assert.Equal([new("K", "V")], back.Attachment.Args);
        Assert.Equal("aa", back.Attachment.CapabilityArgs["mac"].GetString());
    }

    [Fact]
    public void Two_attachments_may_want_one_name()
    {
        Attachment first = new() { ContainerId = "b-c", IfName = "e" }, second = new() { ContainerId = "c", IfName = "e" };
        Cache.Write(List("a"), first, Result("10.0.0.1/8"));
        Assert.Null(Cache.Read("a-b", new("c", "e")));
        Cache.Write(List("a-b"), second, Result("10.0.0.2/8"));
        Cache.Write(List("a-b"), second, Result("10.0.0.3/8"));
        Assert.Equal("10.0.0.1/8", Cache.Read("a", new("b-c", "e"))!.Result!.Ips[0].Address.ToString());
        Assert.Equal("10.0.0.3/8", Cache.Read("a-b", new("c", "e"))!.Result!.Ips[0].Address.ToString());
        Assert.Single(Cache.List("a"));
        Assert.Single(Cache.List("a-b"));
        Cache.Delete("a", new("b-c", "e"));
        Cache.Delete("a-b", new("c", "e"));
        Cache.Delete("a-b", new("c", "e"));
        Assert.Empty(Directory.GetFiles(_files.File("results")));
    }

    [Fact]
    public void An_old_file_with_the_bare_result_is_read()
    {
        Directory.CreateDirectory(_files.File("results"));
        File.WriteAllText(_files.File("results/net-c-eth0"), """{"cniVersion":"0.3.1","ips":[{"version":"4","address":"10.0.0.9/8"}],"dns":{}}""");
        Assert.Equal("10.0.0.9/8", Cache.Read("net", new("c", "eth0"))!.Result!.Ips[0].Address.ToString());
        Assert.Empty(Cache.List("net"));
        Cache.Delete("net", new("c", "eth0"));
        Assert.Null(Cache.Read("net", new("c", "eth0")));
    }

    [Theory]
    [InlineData("\"netns\":\"/n\",", "/run/netns/a", "/n")]
    [InlineData("", "/run/netns/a", "/run/netns/a")]
    [InlineData("", "/proc/7/ns/net", "")]
    [InlineData("", "", "")]
    public void Where_no_namespace_is_kept_the_result_tells_it(string key, string sandbox, string expected)
    {
        Directory.CreateDirectory(_files.File("results"));
        File.WriteAllText(
            _files.File("results/net-c-eth0"),
            $$"""{"kind":"cniCacheV1","containerId":"c","ifName":"eth0","networkName":"net",{{key}}"result":{"cniVersion":"1.0.0","interfaces":[{"name":"veth1"},{"name":"eth0","sandbox":"{{sandbox}}"}]} }""");
        Assert.Equal(expected, Assert.Single(Cache.List("net")).Attachment.NetnsPath);
    }

    [Fact]
    public void Names_that_would_leave_the_directory_are_refused()
    {
        Assert.Throws<CniException>(() => Cache.Read("../net", new("c", "eth0")));
        Assert.Throws<CniException>(() => Cache.Delete("net", new("../c", "eth0")));
        Assert.Throws<CniException>(() => Cache.List("*"));
    }

    private static NetworkList List(string name) =>
        NetworkList.Parse(System.Text.Encoding.UTF8.GetBytes($$"""{"cniVersion":"1.0.0","name":"{{name}}","plugins":[{"type":"a"}]}"""));

    private static CniResult Result(string address) => new() { Ips = [new() { Address = IpPrefix.Parse(address) }] };
}
