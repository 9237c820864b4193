using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Yggoverlay;

/// <summary>examples/90-yggoverlay.conflist through cnitool: the chain that the plugin was wished for, as it stands.</summary>
public class YggExampleTests
{
    [Theory]
    [InlineData("1.0.0")]
    [InlineData("1.1.0")]
    public void The_chain_attaches_checks_and_detaches(string version)
    {
        using YggHost ygg = new();
        ygg.Start();
        TestNamespace container = ygg.Host.AddContainer();
        JsonObject list = JsonNode.Parse(File.ReadAllText(Repository.PathOf("examples/90-yggoverlay.conflist")))!.AsObject();
        list["cniVersion"] = version;
        // The example's places are the machine's: others, in the host's own directory.
        list["plugins"]![0]!["ipam"]!["dataDir"] = ygg.Host.DataDirectory;
        list["plugins"]![1]!["dataDir"] = ygg.States;
        list["plugins"]![1]!["adminSocket"] = $"unix://{ygg.AdminSocket}";
        File.WriteAllText(Path.Combine(ygg.Host.ConfigDirectory, "90.conflist"), list.ToJsonString());
        Tool("add").Check();
        Tool("del").Check();
        Directory.Delete(Path.Combine(ygg.Host.DataDirectory, "man8br"), recursive: true);
        Snapshot before = Snapshot.Take(ygg.Host, "man8br0");

        CommandResult added = Tool("add").Check();

        Assert.Contains($"{ygg.AddressOf("test-alpine-1")}/64", added.ResultAddresses());
        container.Ping(ygg.Gateway);
        foreach (string destination in (string[])["2606:4700::1111", "64:ff9b::808:808", "fd99::1"])
        {
            CommandResult route = container.Run("ip", "-j", "route", "get", destination);
            if (route.ExitCode == 0)
                Assert.Equal("3ffe:ffff:0:1ff::10", route.Json[0].Text("prefsrc"));
        }

        Tool("check").Check();
        if (version == "1.1.0")
            Tool("status").Check();
        Tool("del").Check();
        Tool("del").Check();
        before.AssertSame(Snapshot.Take(ygg.Host, "man8br0"));
        Assert.Empty(ygg.Reserved);

        CommandResult Tool(string verb) => ygg.Host.Run(
            [Path.Combine(Plugin.OursDirectory, "cnitool"), "--cache-dir", ygg.Host.CacheDirectory, verb, "man8br", container.Path],
            null,
            new Dictionary<string, string?> { ["CNI_PATH"] = Plugin.OursDirectory, ["NETCONFPATH"] = ygg.Host.ConfigDirectory, ["CNI_ARGS"] = "NERDCTL_CNI_DHCP_HOSTNAME=test-alpine-1;IgnoreUnknown=1" });
    }
}
