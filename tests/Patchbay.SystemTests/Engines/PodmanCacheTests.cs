using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Engines;

/// <summary>One cache, two runtimes: Podman's libcni and cnitool go on from what the other left.</summary>
public class PodmanCacheTests
{
    // Of each plugin the last one: it notes what it gets, hands on what it got, and fails where it is told to.
    private const string Note = """
        #!/bin/sh
        cat >"/run/note.$CNI_COMMAND"
        case $CNI_COMMAND in
        VERSION) echo '{ "cniVersion": "0.4.0", "supportedVersions": ["0.4.0"] }' ;;
        ADD) [ ! -e /run/broken ] || { echo '{ "code": 100, "msg": "out of cables" }'; exit 1; }; jq .prevResult /run/note.ADD ;;
        esac
        """;

    [Fact]
    public void What_Podman_attached_is_listed_checked_deleted_and_collected()
    {
        using var podman = new PodmanHost();
        podman.Podman("network", "create", "--subnet", "10.89.5.0/24", "web");
        Run(podman, "one", 8080);
        Run(podman, "two", 8081);
        Assert.Equal(2, Network(podman).GetProperty("attachments").GetInt32());

        Tool(podman, "check", "one").Check();
        // It is Podman's entry that makes the difference.
        string entry = $"/var/lib/cni/results/web-{Id(podman, "one")}-eth0", capabilities = podman.Sh($"jq -c .capabilityArgs {entry}").StandardOutput.Trim();
        podman.Sh($"mv {entry} /mnt/aside");
        Assert.Contains("prevResult", Tool(podman, "check", "one", capabilities).StandardError, StringComparison.Ordinal);
        podman.Sh($"mv /mnt/aside {entry}");
        podman.Sh($"nsenter --net={Netns(podman, "one")} ip addr flush dev eth0");
        Assert.Contains("10.89.5.2", Tool(podman, "check", "one").StandardError, StringComparison.Ordinal);

        Tool(podman, "del", "one").Check();
        Assert.DoesNotContain(podman.Remains(), left => left.Contains(Id(podman, "one"), StringComparison.Ordinal) || left.Contains("10.89.5.2", StringComparison.Ordinal));
        Assert.Equal(1, Network(podman).GetProperty("attachments").GetInt32());
        Wait.Until("the other's port leads to it", () => PodmanHost.Fetch(podman.Host, "127.0.0.1:8081") == "two");

        // The namespaces stay, as the containers run on. This libcni keeps no path of them beside the result.
        podman.Sh("CNI_PATH=/opt/cni/bin /opt/cni/bin/cnitool gc web");
        Assert.DoesNotContain(podman.Remains(), left => !left.StartsWith("/run/netns/", StringComparison.Ordinal));
        podman.Podman("rm", "-f", "-t", "0", "one", "two");
        podman.AssertNothingRemains();
    }

    [Fact]
    public void What_cnitool_attached_is_reloaded_and_removed_by_Podman()
    {
        using var podman = new PodmanHost();
        podman.Podman("network", "create", "--subnet", "10.89.5.0/24", "web");
        podman.Write("/opt/cni/bin/note", Note);
        podman.Sh("chmod 755 /opt/cni/bin/note; cd /etc/cni/net.d; jq '.plugins += [{ \"type\": \"note\" }]' web.conflist >new; mv new web.conflist");
        Run(podman, "site", 8080);
        string capabilities = podman.Sh($"jq -c .capabilityArgs /var/lib/cni/results/web-{Id(podman, "site")}-eth0").StandardOutput.Trim();

        // An address that Podman does not know of, so that it can have it from our entry alone.
        Assert.Equal(["10.89.5.2/24"], podman.Addresses("site"));
        Tool(podman, "del", "site", capabilities).Check();
        Tool(podman, "add", "site", capabilities).Check();
        Assert.Equal(["10.89.5.3/24"], podman.Addresses("site"));
        podman.Podman("network", "reload", "site");
        Assert.Equal("10.89.5.3/24", Deleted());
        Assert.Equal(["10.89.5.2/24"], podman.Addresses("site"));
        Wait.Until("the port leads to the container", () => PodmanHost.Fetch(podman.Host, "127.0.0.1:8080") == "site");

        // An ADD that broke: what had been done until then is all that there is to undo.
        Tool(podman, "del", "site", capabilities).Check();
        podman.Sh("touch /run/broken");
        Assert.Contains("out of cables", Tool(podman, "add", "site", capabilities).StandardError, StringComparison.Ordinal);
        Assert.Equal("true", podman.Sh($"jq .incomplete /var/lib/cni/results/web-{Id(podman, "site")}-eth0").StandardOutput.Trim());
        string half = podman.Addresses("site")[0];
        podman.Podman("rm", "-f", "-t", "0", "site");
        Assert.Equal(half, Deleted());
        podman.AssertNothingRemains();

        string? Deleted() => podman.Sh("cat /run/note.DEL").Json.GetProperty("prevResult").GetProperty("ips")[0].GetProperty("address").GetString();
    }

    private static void Run(PodmanHost podman, string name, int port) =>
        podman.Podman("run", "-d", "--name", name, "--network", "web", "-p", $"{port}:80", "box", "sh", "-c", $"echo {name} >/index.html; exec httpd -f -h /");

    // As the engine calls it, but for the verb.
    private static CommandResult Tool(PodmanHost podman, string verb, string name, string? capabilities = null)
    {
        string id = Id(podman, name);
        string arguments = capabilities is null ? $"$(jq -c .capabilityArgs /var/lib/cni/results/web-{id}-eth0)" : $"'{capabilities}'";
        return podman.TrySh($"export CNI_PATH=/opt/cni/bin CAP_ARGS={arguments}\n/opt/cni/bin/cnitool --container-id {id} {verb} web {Netns(podman, name)}");
    }

    private static JsonElement Network(PodmanHost podman) =>
        podman.Sh("/opt/cni/bin/cnitool list --json").Json.EnumerateArray().Single(network => network.GetProperty("name").GetString() == "web");

    private static string Id(PodmanHost podman, string name) => podman.Inspect(name).GetProperty("Id").GetString()!;

    private static string Netns(PodmanHost podman, string name) => podman.Inspect(name).GetProperty("NetworkSettings").GetProperty("SandboxKey").GetString()!;
}
