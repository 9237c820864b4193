using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Yggoverlay;

/// <summary>Where the name of a container is found: the address tells which it was. docs/yggoverlay.md, "The name".</summary>
public sealed class YggNameTests : IDisposable
{
    private const string Prefix = "300:0:0:1::";
    private const string Hex = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    private const string ContainerId = $"my-space-{Hex}"; // nerdctl's form; the namespace may have hyphens too

    // /run and /var/lib of these calls are the test's own: file after file, then the plugin.
    private const string OwnFiles = """
        for own in /var/lib /run/containerd; do mkdir -p $own; mount -t tmpfs none $own; done
        while [ $# -gt 0 ]; do mkdir -p "${1%/*}"; printf %s "$2" >"$1"; shift 2; done
        exec "$PLUGIN"
        """;

    private readonly YggHost _ygg = new(Conf.IPv4);
    private readonly ScriptedNode _node;
    private readonly TestNamespace _container;
    private readonly PluginResult _bridged;

    public YggNameTests()
    {
        _node = new ScriptedNode(_ygg.AdminSocket, $$$"""{"status":"success","response":{"subnet":"{{{Prefix}}}/64"}}""");
        _container = _ygg.Host.AddContainer();
        _bridged = new Plugin(_ygg.Host, "bridge").Add(_container, _ygg.BridgeConfig()).Check();
    }

    public void Dispose()
    {
        _node.Dispose();
        _ygg.Dispose();
    }

    [Fact]
    public void The_first_of_all_sources_counts()
    {
        // Each step takes the first one away.
        (string Name, Action<Call> Remove)[] ladder =
        [
            ("from-conf", call => call.Keys.Remove("hostname")),
            ("from-annotation", call => call.Keys["runtimeConfig"]!["io.kubernetes.cri.pod-annotations"]!.AsObject().Remove("yggoverlay/hostname")),
            ("from-label", call => call.Keys["args"]!["cni"]!["labels"]![1]!["key"] = "another"),
            ("from-arguments", call => call.Arguments.RemoveAt(0)),
            ("from-nerdctl", call => call.Arguments[0] = "NERDCTL_CNI_DHCP_HOSTNAME="),
            ("pod.space", call => call.Arguments.RemoveRange(1, 2)),
            ("from-data-store", call => call.Files.RemoveRange(0, 2)),
            ("from-bundle", call => call.Files[1] = """{ "annotations": { "nerdctl/hostname": "from-annotation-of-bundle" } }"""),
            ("from-annotation-of-bundle", call => call.Files[1] = "not JSON"),
        ];
        Call call = new(
            JsonNode.Parse("""
                {
                  "hostname": "from-conf", "missingName": "containerid",
                  "runtimeConfig": { "io.kubernetes.cri.pod-annotations": { "yggoverlay/hostname": "from-annotation", "other": "x" } },
                  "args": { "cni": { "labels": [{ "key": "a", "value": "b" }, { "key": "yggHostname", "value": "from-label" }] } }
                }
                """)!.AsObject(),
            ["YGG_HOSTNAME=from-arguments", "NERDCTL_CNI_DHCP_HOSTNAME=from-nerdctl", "K8S_POD_NAMESPACE=space", "K8S_POD_NAME=pod", "IgnoreUnknown=1"],
            [
                $"/var/lib/nerdctl/1935db59/containers/my-space/{Hex}/hostname", "from-data-store\n",
                $"/run/containerd/io.containerd.runtime.v2.task/my-space/{Hex}/config.json", """{ "hostname": "from-bundle", "annotations": { "nerdctl/hostname": "x" } }""",
            ]);
        foreach ((string name, Action<Call> remove) in ladder)
        {
            AssertName(name, call);
            remove(call);
        }

        AssertName(ContainerId, call);
        call.Keys.Remove("missingName");
        Add(call).Failed(7, "--hostname", "YGG_HOSTNAME", "missingName");
    }

    [Theory]
    [InlineData("K8S_POD_NAME=web;IgnoreUnknown=1", "web")] // Podman, BuildKit
    [InlineData("IgnoreUnknown=1;K8S_POD_NAMESPACE=web;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=1", "web")] // Podman to 3.3
    [InlineData("K8S_POD_UID=1;K8S_POD_NAME=web;K8S_POD_NAMESPACE=prod", "web.prod")] // containerd, CRI-O
    [InlineData("K8S_POD_NAMESPACE=prod;NERDCTL_CNI_DHCP_HOSTNAME=web", "web")]
    [InlineData("IP=10.22.0.9;NERDCTL_CNI_DHCP_HOSTNAME=Web=1;MAC=02:00:00:00:00:01;IgnoreUnknown=1;;=x", "Web=1")]
    public void Arguments_of_runtimes(string arguments, string name) => AssertName(name, new Call([], [arguments], []));

    private void AssertName(string name, Call call)
    {
        string address = _ygg.Host.Run(Path.Combine(Plugin.OursDirectory, "patchbay-cni"), "ygg-address", name, "--subnet", $"{Prefix}/64").Check().StandardOutput.Trim();
        Assert.Contains($"{address}/64", Add(call).Check().ResultAddresses());
        _ygg.Ygg.Delete(_container, _ygg.Config(), containerId: ContainerId).Check();
        Assert.Empty(_ygg.Reserved);
    }

    private PluginResult Add(Call call) => new(_ygg.Host.Run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-euc", OwnFiles, "sh", .. call.Files],
        _ygg.Config(_bridged, call.Keys.ToJsonString()),
        new Dictionary<string, string?>
        {
            ["PLUGIN"] = Path.Combine(Plugin.OursDirectory, "yggoverlay"),
            ["CNI_COMMAND"] = "ADD",
            ["CNI_CONTAINERID"] = ContainerId,
            ["CNI_NETNS"] = _container.Path,
            ["CNI_IFNAME"] = "eth0",
            ["CNI_ARGS"] = string.Join(';', call.Arguments),
            ["CNI_PATH"] = Plugin.OursDirectory,
        }));

    /// <summary>What a runtime tells: keys of the configuration, pairs of CNI_ARGS, files as path and content by turns.</summary>
    private sealed record Call(JsonObject Keys, List<string> Arguments, List<string> Files);
}
