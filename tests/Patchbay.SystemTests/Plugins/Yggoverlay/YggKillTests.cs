using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Yggoverlay;

/// <summary>yggoverlay killed at any point, and then a DEL or a GC, leave the host and the container as they were.</summary>
public class YggKillTests
{
    [Theory]
    [InlineData("bridge", 20, "DEL")]
    [InlineData("ptp", 8, "DEL")]
    [InlineData("bridge", 8, "GC")]
    public void In_add(string before, int count, string finish) =>
        With(before, (host, container, config) => KillTests.Run(host, container, "yggoverlay", config, "ADD", count, finish));

    [Theory]
    [InlineData("bridge", 12)]
    [InlineData("ptp", 6)]
    public void In_delete(string before, int count) =>
        With(before, (host, container, config) => KillTests.Run(host, container, "yggoverlay", config, "DEL", count));

    private static void With(string before, Action<TestHost, TestNamespace, string> test)
    {
        using YggHost ygg = new();
        // No daemon: it would be among the processes that a killed plugin leaves.
        using ScriptedNode node = new(ygg.AdminSocket, """{"status":"success","response":{"subnet":"300:0:0:1::/64"}}""");
        TestNamespace container = ygg.Host.AddContainer();
        string made = before == "ptp" ? Conf.Ptp(ygg.Host, version: "1.1.0", routes: """[{ "dst": "::/0" }]""") : ygg.BridgeConfig(version: "1.1.0");
        PluginResult result = new Plugin(ygg.Host, before).Add(container, made).Check();
        string config = ygg.Config(result, """{ "hostname": "web", "ingress": "established", "cni.dev/valid-attachments": [] }""", version: "1.1.0");
        test(ygg.Host, container, config);
        Assert.Empty(ygg.Reserved);
    }
}
