using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Packaging.Dist;

/// <summary>The Debian package of <c>patchbay</c> in a Debian that has nothing but what the package depends on.</summary>
public class LabDebTests
{
    private const string Lab = """
        nodes: [a, b]
        links:
          - {node: a, bridge: lan, ip: 10.0.0.1/24}
          - {node: b, bridge: lan, ip: 10.0.0.2/24}
        """;

    [Fact]
    public void Labs_come_up_and_go()
    {
        using var root = new DebianRoot();
        root.Run("dpkg -i /packages/patchbay.deb; dpkg --audit; dpkg --verify patchbay; cat >/lab.yaml", Lab);

        string shown = root.Run($"""
            cd /
            patchbay lab validate lab.yaml
            patchbay lab up lab.yaml --name {root.Host.Name} --detach
            patchbay lab exec a --name {root.Host.Name} -- ip -br addr show dev eth0
            patchbay lab down --name {root.Host.Name}
            ls /run/netns
            """);

        Assert.Contains("All links connected", shown, StringComparison.Ordinal);
        Assert.Contains("10.0.0.1/24", shown, StringComparison.Ordinal);
        Assert.DoesNotContain($"{root.Host.Name}-a", shown.Split("10.0.0.1/24")[1], StringComparison.Ordinal);
    }

    [Fact]
    public void Certificates_are_made_and_a_server_keeps_policies()
    {
        using var root = new DebianRoot();
        root.Run("dpkg -i /packages/patchbay.deb");

        // With the system's libssl and libsqlite3, which the program loads when it needs them.
        root.Run("""
            cd /
            patchbay policy certs certs >/dev/null
            ip link set lo up
            patchbay policy server --certs certs --database policy.db >server.log 2>&1 &
            server=$!
            until grep -q listening: server.log; do kill -0 "$server" || { cat server.log; exit 1; }; done
            kill -TERM "$server"
            wait "$server"
            test -s policy.db
            """);

        string certs = Path.Combine(root.Path, "certs");
        Command.Run(["openssl", "verify", "-CAfile", Path.Combine(certs, "ca.crt"), Path.Combine(certs, "server.crt"), Path.Combine(certs, "client.crt")]).Check();
    }

    [Fact]
    public void It_stands_beside_the_plugins_and_leaves_nothing()
    {
        using var root = new DebianRoot();
        root.Run("dpkg --purge containernetworking-plugins; dpkg -i /packages/first.deb");
        string[] before = root.Files();

        root.Run("dpkg -i /packages/patchbay.deb; dpkg --purge patchbay");

        Assert.Equal(before, root.Files());
    }
}
