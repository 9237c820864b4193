using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Packaging.Dist;

/// <summary>The Debian package in a Debian: docs/decisions/0007-debian-package.md.</summary>
public class DebTests
{
    private const string Config = """
        { "cniVersion": "1.0.0", "name": "net", "type": "bridge", "bridge": "cni0", "isGateway": true, "ipam": { "type": "host-local", "subnet": "10.44.0.0/24" } }
        """;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Lintian_has_no_complaint(bool lab)
    {
        string deb = lab ? Products.LabDeb : Products.Deb;
        Needs.Program("lintian");

        CommandResult result = Command.Run(["lintian", "--allow-root", "--fail-on", "error,warning", deb], limit: Command.DefaultLimit * 3);

        Assert.True(result.ExitCode == 0, result.ToString());
        Assert.DoesNotContain("W: ", result.StandardOutput, StringComparison.Ordinal);
        Assert.DoesNotContain("E: ", result.StandardOutput, StringComparison.Ordinal);
    }

    [Fact]
    public void It_takes_the_place_of_the_reference_plugins_with_a_container_running()
    {
        using var root = new DebianRoot();
        TestNamespace container = root.Host.AddContainer();
        JsonNode added = JsonNode.Parse(root.Plugin("ADD", container, Config).Check().StandardOutput)!;
        root.Run("""
            mkdir -p /tmp/engine/DEBIAN
            printf 'Package: engine\nVersion: 1\nArchitecture: all\nMaintainer: Nobody <nobody@example.org>\nDepends: containernetworking-plugins (>= 1.1)\nDescription: needs plugins\n' >/tmp/engine/DEBIAN/control
            dpkg-deb --build /tmp/engine /tmp/engine.deb
            dpkg -i /tmp/engine.deb
            """);

        root.Run("dpkg -i /packages/first.deb");

        string status = root.Run("dpkg-query -W -f '${Package} ${db:Status-Status}\n' engine patchbay-cni containernetworking-plugins 2>/dev/null || :; dpkg --audit; dpkg --verify patchbay-cni");
        Assert.Contains("engine installed", status, StringComparison.Ordinal);
        Assert.Contains("patchbay-cni installed", status, StringComparison.Ordinal);
        Assert.DoesNotContain("containernetworking-plugins installed", status, StringComparison.Ordinal);
        root.Run("patchbay-cni install --check /usr/lib/cni; cnitool --help");

        JsonObject config = JsonNode.Parse(Config)!.AsObject();
        config["prevResult"] = added.DeepClone();
        root.Plugin("CHECK", container, config.ToJsonString()).Check();
        TestNamespace second = root.Host.AddContainer();
        Assert.Equal("10.44.0.3/24", root.Plugin("ADD", second, Config).Check().Json.GetProperty("ips")[0].GetProperty("address").GetString());
        second.Run("ping", "-c", "1", "-W", "5", "10.44.0.2").Check();
        foreach (TestNamespace each in (TestNamespace[])[container, second])
            root.Plugin("DEL", each, Config).Check();
        Assert.DoesNotContain("eth0", container.Run("ip", "-o", "link").Check().StandardOutput, StringComparison.Ordinal);
    }

    [Fact]
    public void Upgrade_remove_and_purge_leave_nothing()
    {
        using var root = new DebianRoot();
        root.Run("dpkg --purge containernetworking-plugins");
        string[] before = root.Files();
        root.Run("dpkg -i /packages/first.deb");
        root.Run("DPKG_MAINTSCRIPT_PACKAGE=patchbay-cni deb-systemd-helper enable cni-dhcp.socket"); // there is no systemd in there
        TestNamespace container = root.Host.AddContainer();
        root.Plugin("ADD", container, Config).Check();
        root.Package("second.deb", "9.0-1");

        string upgraded = root.Run("dpkg -i /packages/second.deb; dpkg-query -W -f '${Version}\n' patchbay-cni");

        Assert.EndsWith("9.0-1\n", upgraded, StringComparison.Ordinal);
        Assert.Contains("/etc/systemd/system/sockets.target.wants/cni-dhcp.socket", string.Join('\n', root.Files()), StringComparison.Ordinal);
        Assert.Contains("10.44.0.2", root.Run("ls /var/lib/cni/networks/net"), StringComparison.Ordinal);
        root.Run("dpkg --remove patchbay-cni");
        Assert.DoesNotContain("/usr/lib/cni", string.Join('\n', root.Files()), StringComparison.Ordinal);
        root.Run("dpkg --purge patchbay-cni");
        Assert.Contains("10.44.0.2", root.Run("ls /var/lib/cni/networks/net"), StringComparison.Ordinal); // a container has it

        root.Run("dpkg -i /packages/first.deb");
        root.Plugin("DEL", container, Config).Check();
        root.Run("dpkg --purge patchbay-cni");

        Assert.Equal(before, root.Files());
    }

    [Fact]
    public void Its_units_start_the_program_that_it_installs()
    {
        using var root = new DebianRoot();
        root.Run("dpkg -i /packages/first.deb");

        string service = root.Run("cat /lib/systemd/system/cni-dhcp.service");

        Assert.Contains("ExecStart=/usr/lib/cni/dhcp daemon", service, StringComparison.Ordinal);
        CommandResult verified = Command.Run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", $"--root={root.Path}", "cni-dhcp.socket", "cni-dhcp.service"]);
        Assert.DoesNotContain("cni-dhcp", verified.StandardError, StringComparison.Ordinal);
    }
}
