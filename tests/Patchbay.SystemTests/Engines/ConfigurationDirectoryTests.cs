using Patchbay.SystemTests.Engines.Cri;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Engines;

/// <summary>What each engine makes of a directory with empty, broken, huge and doubled configurations. The pages tell the same in tables.</summary>
public class ConfigurationDirectoryTests
{
    private const string List = """
        {
          "cniVersion": "1.0.0", "name": "ctr",
          "plugins": [ { "type": "bridge", "bridge": "cni0", "isGateway": true, "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.88.0.0/24" }]] } } ]
        }
        """;

    // ctr reads the first file by name and no other one.
    [Fact]
    public void Of_ctr_the_first_file_decides()
    {
        using Containerd containerd = Containerd.Start(List);
        EngineHost machine = containerd.Machine;
        foreach ((string name, string text, _, _) in BadConfigurations.All)
            machine.WriteFile($"/etc/cni/net.d/20-{name}.conflist", text);
        machine.WriteFile("/etc/cni/net.d/30-double.conflist", List.Replace("10.88.0", "10.99.0", StringComparison.Ordinal));
        containerd.Ctr("run", "--rm", "--cni", Containerd.Image, "first", "sleep", "0").Check();
        machine.AwaitLinks(0);
        Snapshot before = Snapshot.Take(containerd.Host, except: "cni0");
        Assert.True(File.Exists(Path.Combine(containerd.Host.DataDirectory, "networks/ctr/last_reserved_ip.0")));

        foreach ((string name, string text, string says, _) in BadConfigurations.All)
        {
            machine.WriteFile($"/etc/cni/net.d/05-{name}.conflist", text);
            CommandResult refused = containerd.Ctr("run", "--rm", "--cni", Containerd.Image, "second", "sleep", "0");
            Assert.NotEqual(0, refused.ExitCode);
            Assert.Contains($"/etc/cni/net.d/05-{name}.conflist", refused.StandardError, StringComparison.Ordinal);
            Assert.Contains(says, refused.StandardError, StringComparison.Ordinal);
            before.AssertSame(Snapshot.Take(containerd.Host, except: "cni0"));
            File.Delete(machine.PathOf($"/etc/cni/net.d/05-{name}.conflist"));
        }

        machine.WriteFile("/etc/cni/net.d/05-huge.conflist", BadConfigurations.Huge(BadConfigurations.Other(List, "ctr", "huge", "10.88.0", "10.77.0")));
        containerd.Ctr("run", "--rm", "--cni", Containerd.Image, "huge", "sleep", "0").Check();
        Assert.True(File.Exists(Path.Combine(containerd.Host.DataDirectory, "networks/huge/last_reserved_ip.0")));
        machine.AwaitLinks(0);
    }

    // So does the CRI with max_conf_num = 1, and looks again whenever a file is written.
    [Fact]
    public void Of_the_cri_the_first_file_decides_until_it_is_put_right()
    {
        using CriHost node = CriHost.Create(CriHost.Network());
        foreach ((string name, string text, _, _) in BadConfigurations.All)
            node.Machine.WriteFile($"/etc/cni/net.d/20-{name}.conflist", text);
        node.Machine.WriteFile("/etc/cni/net.d/30-double.conflist", CriHost.Network("10.99.0.0/24"));
        node.Remove(node.Run("first"));
        Assert.Equal("OK", node.Client.Info()["lastCNILoadStatus"].Trim('"'));

        foreach ((string name, string text, string says, _) in BadConfigurations.All)
        {
            string file = $"/etc/cni/net.d/05-{name}.conflist";
            node.Machine.WriteFile(file, text);
            Wait.Until($"containerd reads {file}", () => node.Client.Info()["lastCNILoadStatus"].Contains(file, StringComparison.Ordinal));
            Assert.Contains(says, node.Client.Info()["lastCNILoadStatus"], StringComparison.Ordinal);
            Assert.False(node.Client.Condition("NetworkReady").Status);
            File.Delete(node.Machine.PathOf(file));
            Wait.Until("NetworkReady", () => node.Client.Condition("NetworkReady").Status);
        }

        // What the CRI tells of a huge list is more than its clients take (16 MiB): it is waited for without.
        Command.Run(["sh", "-c", "rm \"$0\"/*", node.Machine.PathOf("/etc/cni/net.d")]).Check();
        Wait.Until("no network", () => !node.Client.Condition("NetworkReady").Status);
        node.Machine.WriteFile("/etc/cni/net.d/05-huge.conflist", BadConfigurations.Huge(BadConfigurations.Other(CriHost.Network(), "pods", "huge", "10.88.0", "10.77.0")));
        Wait.Until("NetworkReady", () => node.Client.Condition("NetworkReady").Status);
        string id = node.Run("huge");
        Assert.Equal("10.77.0.2", node.Client.PodSandboxStatus(id).Ip);
        node.Remove(id);
    }

    // Podman warns of a file that it cannot use, by name, and goes on with the others; of two of one name the first counts.
    [Fact]
    public void Podman_passes_over_bad_files_with_a_warning_each()
    {
        using var podman = new PodmanHost();
        podman.Podman("network", "create", "--subnet", "10.89.5.0/24", "web");
        foreach ((string name, string text, _, _) in BadConfigurations.All)
            podman.Write($"/etc/cni/net.d/05-{name}.conflist", text);
        podman.Sh("sed 's/10.89.5/10.89.6/g' /etc/cni/net.d/web.conflist >/etc/cni/net.d/zz-double.conflist");

        CommandResult listed = podman.TryPodman("network", "ls", "--quiet").Check();

        Assert.Equal(["podman", "web"], listed.StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal));
        foreach ((string name, _, string says, _) in BadConfigurations.All)
            Assert.Contains(listed.StandardError.Split('\n'), line => line.Contains($"05-{name}.conflist", StringComparison.Ordinal) && line.Contains(says, StringComparison.Ordinal));
        Assert.Contains("zz-double.conflist has the same network name as", listed.StandardError, StringComparison.Ordinal);

        podman.Podman("run", "-d", "--name", "one", "--network", "web", "box", "sleep", "1000");
        Assert.Equal(["10.89.5.2/24"], podman.Addresses("one"));
        podman.Podman("rm", "-f", "-t", "0", "one");
        podman.Sh("rm /etc/cni/net.d/05-* /etc/cni/net.d/zz-double.conflist");

        podman.Sh("{ printf '{ \"comment\": \"'; head -c 17825792 /dev/zero | tr '\\0' x; printf '\", '; sed 's/\"web\"/\"huge\"/; s/10.89.5/10.89.7/g; s/cni-podman1/cni-podman9/; 1s/{//' /etc/cni/net.d/web.conflist; } >/etc/cni/net.d/huge.conflist");
        podman.Podman("run", "-d", "--name", "two", "--network", "huge", "box", "sleep", "1000");
        Assert.Equal(["10.89.7.2/24"], podman.Addresses("two"));
        podman.Podman("rm", "-f", "-t", "0", "two");
        podman.AssertNothingRemains();
    }
}
