using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Engines;

/// <summary>Podman when things go wrong: what it tells its user, and that nothing is left.</summary>
public class PodmanFaultTests
{
    [Fact]
    public void What_is_taken_is_refused_with_words_that_reach_the_user()
    {
        using var podman = new PodmanHost();
        podman.Podman("network", "create", "--subnet", "10.89.5.0/24", "web");
        string id = podman.Podman("run", "-d", "--name", "first", "--network", "web", "--ip", "10.89.5.9", "-p", "8080:80", "box", "sleep", "1000");
        string[] before = podman.Remains();

        Refused($"requested IP address 10.89.5.9 is not available in range set 10.89.5.1-10.89.5.254: container {id} has it", "--ip", "10.89.5.9");
        Refused($"host port 8080/tcp (IPv4) is already mapped to container \"{id}\"", "-p", "8080:80");
        Refused($"host port 8080/tcp of 127.0.0.1 is already mapped to container \"{id}\"", "-p", "127.0.0.1:8080:81", "-p", "8079:79");
        Refused("requested static ip 10.99.0.1 not in any subnet", "--ip", "10.99.0.1");
        podman.Sh("jq '.plugins += [{\"type\": \"nonesuch\"}]' /etc/cni/net.d/web.conflist >/etc/cni/net.d/bad.conflist; sed -i 's/\"web\"/\"bad\"/; s/cni-podman1/cni-podman9/; s/10.89.5/10.89.9/g' /etc/cni/net.d/bad.conflist");
        CommandResult missing = podman.TryPodman("run", "--name", "late", "--network", "bad", "box", "true");
        Assert.NotEqual(0, missing.ExitCode);
        podman.Sh("rm /etc/cni/net.d/bad.conflist; podman rm -f late");

        Assert.Equal(before, podman.Remains());
        podman.Podman("rm", "-f", "-t", "0", "first");
        podman.AssertNothingRemains();

        void Refused(string why, params string[] options)
        {
            CommandResult refused = podman.TryPodman(["run", "--name", "late", "--network", "web", .. options, "box", "true"]);
            Assert.NotEqual(0, refused.ExitCode);
            Assert.Contains(why, refused.StandardError, StringComparison.Ordinal);
            podman.TryPodman("rm", "-f", "late");
        }
    }

    [Fact]
    public void A_container_that_is_killed_leaves_nothing()
    {
        using var podman = new PodmanHost();
        Run("killed", "8080:80");
        podman.Sh("kill -9 $(podman inspect -f '{{.State.Pid}}' killed)");
        podman.Podman("wait", "killed");
        Wait.Until("Podman's cleanup has run", () => podman.Remains().Length == 0);

        // With conmon dead nobody hears of it; the next one has what the dead one had.
        Run("unheard", "8081:80");
        podman.Sh("kill -9 $(podman inspect -f '{{.State.ConmonPid}} {{.State.Pid}}' unheard)");
        Wait.Until("podman rm -f of a container without conmon", () => podman.TryPodman("rm", "-f", "-t", "0", "unheard").ExitCode == 0);
        podman.AssertNothingRemains();
        Run("next", "8081:80");
        podman.Podman("rm", "-f", "-t", "0", "killed", "next");
        podman.AssertNothingRemains();

        void Run(string name, string port) => podman.Podman("run", "-d", "--name", name, "-p", port, "box", "sleep", "1000");
    }

    [Fact]
    public async Task Eight_at_once_get_eight_addresses_and_ports()
    {
        using var podman = new PodmanHost();
        Task<string>[] runs = [.. Enumerable.Range(0, 8).Select(i => Task.Run(() =>
        {
            podman.Podman("run", "-d", "--name", $"c{i}", "-p", $"{8080 + i}:80", "box", "sh", "-c", $"echo {i} >/index.html; exec httpd -f -h /");
            return podman.Addresses($"c{i}")[0];
        }))];

        string[] addresses = await Task.WhenAll(runs);

        Assert.Equal(8, addresses.Distinct().Count());
        for (int i = 0; i < 8; i++)
            Wait.Until($"port {8080 + i} leads to its container", () => PodmanHost.Fetch(podman.Host, $"127.0.0.1:{8080 + i}") == $"{i}");
        await Task.WhenAll(Enumerable.Range(0, 8).Select(i => Task.Run(() => podman.Podman("rm", "-f", "-t", "0", $"c{i}"))));
        podman.AssertNothingRemains();
    }

    [Fact]
    public void A_reset_leaves_nothing()
    {
        using var podman = new PodmanHost();
        podman.Podman("network", "create", "web");
        podman.Podman("run", "-d", "--network", "web", "-p", "8080:80", "--stop-timeout", "0", "box", "sleep", "1000");
        podman.Podman("run", "-d", "-p", "8081:80", "--stop-timeout", "0", "box", "sleep", "1000");

        podman.Podman("system", "reset", "-f");

        podman.AssertNothingRemains();
        Assert.Equal("", podman.Podman("images", "-q"));
        Assert.Equal("podman", podman.Podman("network", "ls", "-q"));
    }
}
