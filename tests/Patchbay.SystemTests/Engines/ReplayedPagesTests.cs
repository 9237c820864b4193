using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Engines;

/// <summary>The commands on the pages of engines that do not run here: the engine's network by hand.</summary>
public class ReplayedPagesTests
{
    // What the pages have below /run and /var/lib/cni is the test's alone: mounted over for these commands.
    private const string Alone = """
        for own in /var/lib/cni /run; do mount -t tmpfs tmpfs $own; done
        exec bash -eu
        """;

    [Theory]
    [InlineData("docs/engines/nerdctl.md", "nerdctl0", "10.4.0.2", "--dport 8080")]
    [InlineData("docs/engines/nomad.md", "nomad", "172.26.64.2", "-j NOMAD-ADMIN")]
    [InlineData("docs/engines/cri-o.md", "cni0", "10.85.0.2", "1 received")]
    [InlineData("docs/engines/k3s.md", "cni0", "10.42.0.2", "1 received")]
    public void The_network_by_hand(string page, string bridge, string address, string shown)
    {
        Needs.OwnDirectories();
        Plugin.NeedsOurs("bridge", "host-local", "portmap", "firewall", "tuning", "flannel", "bandwidth", "loopback");
        using TestHost host = TestHost.Create();
        string script = DocumentedCommands.Of(page).Under("The network by hand");

        CommandResult typed = host.Run(
            ["unshare", "--mount", "--propagation", "private", "bash", "-euc", Alone],
            script,
            new Dictionary<string, string?> { ["CNI_PATH"] = Plugin.OursDirectory, ["NETCONFPATH"] = Repository.PathOf("examples/engines"), ["CNI_IFNAME"] = null }).Check();

        Assert.Contains(address, typed.StandardOutput, StringComparison.Ordinal);
        Assert.Contains(shown, typed.StandardOutput, StringComparison.Ordinal);
        Assert.Empty(host.IpJson($"link show master {bridge}").EnumerateArray());
        Assert.DoesNotContain(address, host.Run("nft", "list", "ruleset").Check().StandardOutput, StringComparison.Ordinal);
    }
}
