using System.Text.Json;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;

namespace Patchbay.SystemTests.Engines;

/// <summary>Podman with the CNI back end: addresses, ports and names, with our plugins and, where both can, with the reference's.</summary>
public class PodmanTests
{
    [Theory]
    [InlineData("ours")]
    [InlineData("theirs")]
    public void Networks_addresses_and_ports_are_as_with_the_reference(string whose)
    {
        using var podman = new PodmanHost();
        if (whose == "theirs")
            podman.UseReference();
        TestNamespace client = podman.AddClient();
        podman.Podman("network", "create", "--subnet", "10.89.5.0/24", "--ipv6", "--subnet", "fd00:5::/64", "web");
        podman.Podman("network", "create", "--internal", "--subnet", "10.89.6.0/24", "inside");

        podman.Podman(
            "run", "-d", "--name", "site", "--network", "web:ip=10.89.5.77,ip=fd00:5::77,mac=02:00:00:00:00:77,interface_name=net7",
            "-p", "8080:80", "-p", $"{PodmanHost.HostV4}:8081:80", "-p", "127.0.0.1:8082:80", "-p", "5353:53/udp", "-p", "9000-9001:80-81",
            "box", "sh", "-c", "echo hello >/index.html; exec httpd -f -h /");
        Assert.Equal(["10.89.5.77/24", "fd00:5::77/64"], podman.Addresses("site", "net7"));
        podman.Podman("run", "-d", "--name", "hidden", "--network", "inside", "box", "sh", "-c", "echo hidden >/index.html; exec httpd -f -h /");
        Assert.Equal(["10.89.6.2/24"], podman.Addresses("hidden"));
        Assert.Equal("02:00:00:00:00:77", podman.Exec("site", "cat /sys/class/net/net7/address"));
        Assert.Equal("default via 10.89.5.1 dev net7", Assert.Single(podman.Exec("site", "ip route").Split('\n', StringSplitOptions.TrimEntries), IsDefault));
        JsonElement settings = podman.Inspect("site").GetProperty("NetworkSettings").GetProperty("Networks").GetProperty("web");
        Assert.Equal("10.89.5.77", settings.GetProperty("IPAddress").GetString());
        Assert.Equal("fd00:5::77", settings.GetProperty("GlobalIPv6Address").GetString());

        // From outside, from the host, and from another container.
        Wait.Until("the port leads to the container", () => PodmanHost.Fetch(client, $"{PodmanHost.HostV4}:8080") == "hello");
        // A new bridge speaks IPv6 once its own address has been looked for elsewhere (RFC 4862, 5.4).
        Wait.Until("the port leads to the container by IPv6", () => PodmanHost.Fetch(client, $"[{PodmanHost.HostV6}]:8080") == "hello");
        Assert.Equal("hello", PodmanHost.Fetch(client, $"{PodmanHost.HostV4}:8081"));
        Assert.Null(PodmanHost.Fetch(client, $"{PodmanHost.HostV4}:8082"));
        Assert.Equal("hello", PodmanHost.Fetch(podman.Host, "127.0.0.1:8082"));
        Assert.Equal("hello", PodmanHost.Fetch(podman.Host, "127.0.0.1:9000"));
        using (EchoServer udp = EchoServer.Udp(podman.NamespaceOf("site"), 53))
            Assert.Equal(PodmanHost.ClientV4, EchoServer.AskUdp(client, PodmanHost.HostV4, 5353));
        Assert.Equal("hello", podman.Podman("run", "--rm", "--network", "web", "box", "busybox", "wget", "-qO-", "http://10.89.5.77/"));
        Assert.Equal("hidden", podman.Podman("run", "--rm", "--network", "inside", "box", "busybox", "wget", "-qO-", "http://10.89.6.2/"));
        podman.Podman("rm", "-f", "-t", "0", "hidden");
        // An internal network leads nowhere, a plain one out.
        Assert.DoesNotContain("default", podman.Podman("run", "--rm", "--network", "inside", "box", "ip", "route"), StringComparison.Ordinal);
        using (EchoServer outside = EchoServer.Tcp(client, 7000))
            Assert.Contains(PodmanHost.HostV4, podman.Podman("run", "--rm", "--network", "web", "box", "busybox", "nc", PodmanHost.ClientV4, "7000"), StringComparison.Ordinal);

        // A stop frees everything, a start gives the same address anew.
        podman.Podman("stop", "-t", "0", "site");
        podman.AssertNothingRemains();
        podman.Podman("start", "site");
        podman.Podman("restart", "-t", "0", "site");
        Assert.Equal(["10.89.5.77/24", "fd00:5::77/64"], podman.Addresses("site", "net7"));
        Wait.Until("the port leads to the container again", () => PodmanHost.Fetch(client, $"{PodmanHost.HostV4}:8080") == "hello");
        podman.Podman("rm", "-f", "-t", "0", "site");
        podman.AssertNothingRemains();

        static bool IsDefault(string route) => route.StartsWith("default", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ours", "theirs")]
    [InlineData("theirs", "ours")]
    public void Plugins_can_be_changed_while_containers_run(string first, string second)
    {
        using var podman = new PodmanHost();
        Use(first);
        podman.Podman("network", "create", "--subnet", "10.89.5.0/24", "--ipv6", "--subnet", "fd00:5::/64", "web");
        foreach (string name in (string[])["one", "two"])
            podman.Podman("run", "-d", "--name", name, "--network", "web", "-p", name == "one" ? "8080:80" : "8081:80", "box", "sh", "-c", $"echo {name} >/index.html; exec httpd -f -h /");

        Use(second);
        podman.Podman("rm", "-f", "-t", "0", "one");
        podman.Podman("network", "reload", "two");
        Wait.Until("the port leads to the container", () => PodmanHost.Fetch(podman.Host, "127.0.0.1:8081") == "two");
        podman.Podman("run", "-d", "--name", "three", "--network", "web", "--ip", "10.89.5.2", "-p", "8080:80", "box", "sleep", "1000");
        podman.Podman("rm", "-f", "-t", "0", "two", "three");
        // What ours added and the reference removed stays in our notes until GC: of owners (docs/firewall.md) and of ::1 (docs/portmap.md).
        Assert.DoesNotContain(podman.Remains(), left => !left.Contains("cni_firewall", StringComparison.Ordinal) && !left.Contains("cni_hostport_loopback", StringComparison.Ordinal));

        void Use(string whose)
        {
            if (whose == "theirs")
                podman.UseReference();
            else
                podman.UseOurs();
        }
    }

    [Fact]
    public void A_macvlan_network_is_one_more_host_on_the_cable()
    {
        Needs.Macvlan();
        using var podman = new PodmanHost();
        TestNamespace client = podman.AddClient();
        podman.Podman("network", "create", "-d", "macvlan", "-o", "parent=out0", "--subnet", "192.0.2.0/24", "--gateway", PodmanHost.ClientV4, "cable");
        podman.Podman("run", "-d", "--name", "site", "--network", "cable", "--ip", "192.0.2.77", "box", "sh", "-c", "echo hello >/index.html; exec httpd -f -h /");

        Assert.Equal(["192.0.2.77/24"], podman.Addresses("site"));
        Wait.Until("the container answers on the cable", () => PodmanHost.Fetch(client, "192.0.2.77:80") == "hello");

        // Without a subnet an address is asked for by DHCP, of a daemon that is not there.
        podman.Podman("network", "create", "-d", "macvlan", "-o", "parent=out0", "asking");
        CommandResult refused = podman.TryPodman("run", "--rm", "--network", "asking", "box", "true");
        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("cannot reach the DHCP daemon at /run/cni/dhcp.sock", refused.StandardError, StringComparison.Ordinal);
        podman.Podman("rm", "-f", "-t", "0", "site");
        podman.AssertNothingRemains();
    }

    [Fact]
    public void With_nftables_localhost_of_IPv6_leads_to_the_container_and_two_networks_share_a_port()
    {
        using var podman = new PodmanHost();
        foreach (string net in (string[])["5", "6"])
        {
            podman.Podman("network", "create", "--subnet", $"10.89.{net}.0/24", "--ipv6", "--subnet", $"fd00:{net}::/64", $"net{net}");
            podman.Sh($"cd /etc/cni/net.d; jq '(.plugins[] | select(.type == \"portmap\")).backend = \"nftables\"' net{net}.conflist >new; mv new net{net}.conflist");
        }

        podman.Podman("run", "-d", "--name", "site", "--network", "net5", "--network", "net6", "-p", "8080:80", "box", "sh", "-c", "echo hello >/index.html; exec httpd -f -h /");
        Wait.Until("the server is up", () => PodmanHost.Fetch(podman.Host, "127.0.0.1:8080") == "hello");
        Assert.Equal("hello", PodmanHost.Fetch(podman.Host, "[::1]:8080"));
        foreach (string net in (string[])["net5", "net6"])
        {
            podman.Podman("network", "disconnect", net, "site");
            Assert.Equal(net == "net5" ? "hello" : null, PodmanHost.Fetch(podman.Host, "127.0.0.1:8080"));
            Assert.Equal(net == "net5" ? "hello" : null, PodmanHost.Fetch(podman.Host, "[::1]:8080"));
        }

        podman.Podman("rm", "-f", "-t", "0", "site");
        podman.AssertNothingRemains();
    }
}
