using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Engines;

/// <summary>docs/engines/podman.md, typed line by line, on a machine that has nothing of Podman's yet.</summary>
public class PodmanPageTests
{
    private static readonly DocumentedCommands Page = DocumentedCommands.Of(PodmanPage.Path);

    // A reader types slower than a test, whose container may not listen yet.
    private const string Patience = """
        busybox() { for try in $(seq 200); do command busybox "$@" && return; sleep 0.1; done; return 1; }

        """;

    [Fact]
    public void The_page_can_be_followed()
    {
        Needs.Program("catatonit");
        using var podman = new PodmanHost(configured: false);

        Assert.Equal("cni\n", Type(PodmanPage.Configuration));
        Type(PodmanPage.Image);
        string network = Type(PodmanPage.Network);
        Assert.Contains("cni-podman1 10.89.7.0/24 fd00:89:7::/64", network, StringComparison.Ordinal);
        Assert.Contains("inet 10.89.7.2/24", network, StringComparison.Ordinal);
        Assert.Contains("inet6 fd00:89:7::2/64", network, StringComparison.Ordinal);

        CommandResult ports = podman.Sh(Patience + Page.Under(PodmanPage.Ports));
        Assert.Equal(2, Count(ports.StandardOutput, "hello\n"));
        Assert.Matches("portmap failed: host port 8080/tcp \\(IPv4\\) is already mapped to container \"[0-9a-f]{64}\": choose another", ports.StandardError);

        string addresses = Type(PodmanPage.Addresses);
        Assert.Contains("inet 10.89.7.50/24", addresses, StringComparison.Ordinal);
        Assert.Contains("inet6 fd00:89:7::50/64", addresses, StringComparison.Ordinal);
        Assert.Contains("hello", addresses, StringComparison.Ordinal);
        Assert.Contains("02:00:00:00:07:50", podman.Exec("chosen", "cat /sys/class/net/eth0/address"), StringComparison.Ordinal);

        string two = Type(PodmanPage.TwoNetworks);
        Assert.Contains("eth1    inet 10.89.8.9/24", two, StringComparison.Ordinal);
        Assert.EndsWith("hello\n", two, StringComparison.Ordinal);
        Assert.EndsWith("hello\n", Type(PodmanPage.LostRules), StringComparison.Ordinal);
        Assert.Contains("pair\n", Type(PodmanPage.Pods), StringComparison.Ordinal);
        Type(PodmanPage.End);

        podman.AssertNothingRemains();
        Assert.Equal("podman", podman.Podman("network", "ls", "-q"));
        Assert.DoesNotContain(podman.Host.IpJson("link show").EnumerateArray(), link => link.GetProperty("ifname").GetString() is "cni-podman1" or "cni-podman2");

        string Type(string heading) => podman.Sh((heading == PodmanPage.Image ? "" : Patience) + Page.Under(heading)).StandardOutput;
    }

    private static int Count(string text, string part) => (text.Length - text.Replace(part, "", StringComparison.Ordinal).Length) / part.Length;
}
