using System.Diagnostics;
using System.Text.Json.Nodes;
using Patchbay.Cni.Plugin;
using Patchbay.SystemTests.Engines;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Yggoverlay;

/// <summary>The example's chain with nerdctl's calls: names in CNI_ARGS at ADD alone, deletions without a namespace, more of them than attachments.</summary>
public sealed class YggNerdctlTests : IDisposable
{
    private readonly YggHost _ygg = new();
    private readonly EngineCalls _network;
    private readonly Snapshot _before;
    private readonly HashSet<TestNamespace> _busy = [];

    public YggNerdctlTests()
    {
        JsonObject list = JsonNode.Parse(File.ReadAllText(Repository.PathOf("examples/90-yggoverlay.conflist")))!.AsObject();
        list["plugins"]![0]!["ipam"]!["dataDir"] = Host.DataDirectory;
        list["plugins"]![1]!["dataDir"] = _ygg.States;
        list["plugins"]![1]!["adminSocket"] = $"unix://{_ygg.AdminSocket}";
        list["plugins"]![1]!["ingress"] = "established";
        _network = new EngineCalls(Host, list);
        _ygg.Start();
        for (int i = 0; i < 3; i++)
            Host.AddContainer();
        // What stays on purpose is there before: the bridge, base chains.
        Container warm = Start("warm");
        _network.Add(warm.Attachment).Check();
        _network.Delete(warm.Attachment).Check();
        End(warm);
        _before = Snapshot.Take(Host, "man8br0");
    }

    private TestHost Host => _ygg.Host;

    public void Dispose() => _ygg.Dispose();

    [Theory]
    [InlineData("NERDCTL_CNI_DHCP_HOSTNAME=web;IgnoreUnknown=1")]
    [InlineData("IgnoreUnknown=1;NERDCTL_CNI_DHCP_HOSTNAME=web;IP=10.4.0.77")]
    public void Run_stop_start_and_remove(string arguments)
    {
        string id = NewId();
        for (int start = 0; start < 3; start++)
        {
            Container web = Start("web", id, arguments);
            _network.Delete(web.Attachment with { Netns = "" }).Check(); // before each ADD
            PluginResult added = _network.Add(web.Attachment).Check();
            Assert.Contains($"{_ygg.AddressOf("web")}/64", added.ResultAddresses());
            web.Space.Ping(_ygg.NodeAddress);

            _network.Delete(new EngineAttachment(id, "")).Check(); // nerdctl stop, while it still runs
            web.Space.Ping(_ygg.NodeAddress);
            Assert.Contains(_ygg.AddressOf("web"), Host.Run("nft", "list", "set", "inet", "patchbay_yggoverlay", "established").Check().StandardOutput, StringComparison.Ordinal);
            End(web);
            _network.Delete(new EngineAttachment(id, "")).Check(); // postStop
            Assert.Empty(_ygg.Reserved);
            _before.AssertSame(Snapshot.Take(Host, "man8br0"));
        }
    }

    [Fact]
    public void A_container_that_crashed_gives_its_name_away_and_its_deletions_come_late()
    {
        Container first = Start("web");
        _network.Add(first.Attachment).Check();
        End(first);
        Container second = Start("web");
        _network.Delete(second.Attachment with { Netns = "" }).Check();

        PluginResult added = _network.Add(second.Attachment).Check();

        Assert.Contains($"{_ygg.AddressOf("web")}/64", added.ResultAddresses());
        _network.Delete(new EngineAttachment(first.Attachment.Id, "")).Check();
        _network.Delete(first.Attachment with { Netns = "" }).Check();
        second.Space.Ping(_ygg.NodeAddress);
        Assert.All(_network.Check(second.Attachment), each => each.Check());
        _network.Delete(second.Attachment with { Netns = "" }).Check();
        End(second);
        _network.Delete(second.Attachment with { Netns = "" }).Check();
        Assert.Empty(_ygg.Reserved);
        _before.AssertSame(Snapshot.Take(Host, "man8br0"));
    }

    [Fact]
    public void An_Add_that_failed_is_deleted_with_all_it_was_told_and_takes_nothing_of_the_holders()
    {
        Container holder = Start("web"), late = Start("web"), nameless = Start("");
        _network.Add(holder.Attachment).Check();

        _network.Add(late.Attachment).Failed(999, holder.Attachment.Id, "Give this one another name");
        _network.Delete(late.Attachment).Check();
        // --uts=host, without a hostname file; and nerdctl before 2.0, which tells none.
        _network.Add(nameless.Attachment).Failed(7, "--hostname");
        _network.Delete(nameless.Attachment).Check();

        holder.Space.Ping(_ygg.NodeAddress);
        Assert.All(_network.Check(holder.Attachment), each => each.Check());
        _network.Delete(holder.Attachment).Check();
        Assert.Empty(_ygg.Reserved);
        _before.AssertSame(Snapshot.Take(Host, "man8br0"));
    }

    private static string NewId() => $"default-{EngineCalls.NewId()}";

    // The hook finds the namespace by the container's process.
    private Container Start(string name, string? id = null, string? arguments = null)
    {
        TestNamespace space = Host.Containers.First(each => !_busy.Contains(each));
        _busy.Add(space);
        Process process = space.Start(["sleep", "infinity"]);
        string path = $"/proc/{process.Id}/ns/net";
        // It begins in our own namespace, as nsenter.
        Wait.Until("the process in its namespace", () => FileIdentity.Of(path) == FileIdentity.Of(space.Path));
        return new Container(space, process, new EngineAttachment(id ?? NewId(), path, Args: arguments ?? $"NERDCTL_CNI_DHCP_HOSTNAME={name};IgnoreUnknown=1"));
    }

    // A namespace ends with its process, and takes its links, rules and routes along; this one has a name that the test looks in by.
    private void End(Container container)
    {
        container.Process.Kill();
        container.Process.WaitForExit();
        container.Space.Run("ip", "link", "del", "eth0");
        container.Space.Run("ip", "-6", "rule", "del", "to", "200::/7");
        _busy.Remove(container.Space);
    }

    private sealed record Container(TestNamespace Space, Process Process, EngineAttachment Attachment);
}
