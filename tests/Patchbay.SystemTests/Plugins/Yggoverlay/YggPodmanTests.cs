using System.Text.Json.Nodes;
using Patchbay.SystemTests.Engines;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Yggoverlay;

/// <summary>The example's chain as a network of Podman's, which tells the container's name.</summary>
public class YggPodmanTests
{
    [Fact]
    public void Containers_have_addresses_that_follow_from_their_names()
    {
        using var podman = new PodmanHost();
        using YggHost ygg = new(host: podman.Host);
        ygg.Start();
        JsonObject list = JsonNode.Parse(File.ReadAllText(Repository.PathOf("examples/90-yggoverlay.conflist")))!.AsObject();
        list["plugins"]![0]!["bridge"] = "cni-podman9";
        list["plugins"]![1]!["adminSocket"] = $"unix://{ygg.AdminSocket}";
        podman.Write("/etc/cni/net.d/man8br.conflist", list.ToJsonString());

        podman.Podman("run", "-d", "--name", "web", "--network", "man8br", "box", "sh", "-c", "echo hello >/index.html; exec httpd -f -h /");
        podman.Podman("run", "-d", "--name", "db", "--network", "man8br", "box", "sleep", "1000");
        podman.Sh("CNI_ARGS=YGG_HOSTNAME=chosen podman run -d --name other --network man8br box sleep 1000");

        string web = ygg.AddressOf("web");
        Assert.Contains($"{web}/64", podman.Addresses("web"));
        Assert.Contains($"{ygg.AddressOf("db")}/64", podman.Addresses("db"));
        Assert.Contains($"{ygg.AddressOf("chosen")}/64", podman.Addresses("other"));
        Wait.Until("the container answers by its predicted address", () => PodmanHost.Fetch(podman.Host, $"[{web}]:80") == "hello");
        Assert.Equal("hello", podman.Exec("db", $"busybox wget -qO- http://[{web}]/"));

        CommandResult refused = podman.TrySh("CNI_ARGS=YGG_HOSTNAME=web podman run -d --name copy --network man8br box sleep 1000");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("two containers of one name", refused.StandardError, StringComparison.Ordinal);
        podman.Podman("rm", "-f", "copy");
        podman.Podman("restart", "-t", "0", "web");
        Assert.Contains($"{web}/64", podman.Addresses("web"));
        Wait.Until("the restarted container answers at the same address", () => PodmanHost.Fetch(podman.Host, $"[{web}]:80") == "hello");

        ygg.Stop();
        podman.Podman("rm", "-f", "-t", "0", "--all");
        podman.AssertNothingRemains();
    }
}
