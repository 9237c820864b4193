using System.Text.Json;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins.Dhcp;

namespace Patchbay.SystemTests.Packaging;

/// <summary>packaging/systemd, judged by systemd's own programs.</summary>
public class UnitFileTests
{
    private static readonly string Units = Repository.PathOf("packaging/systemd");

    [Fact]
    public void Systemd_finds_nothing_wrong()
    {
        Needs.Program("systemd-analyze");

        // With /opt/cni/bin as it would be: verify looks for the program.
        CommandResult result = Inside("systemd-analyze verify --man=no --recursive-errors=no \"$1\"/cni-dhcp.socket \"$1\"/cni-dhcp.service");

        Assert.Equal(0, result.ExitCode);
        Assert.Equal("", result.StandardOutput + result.StandardError);
    }

    [Fact]
    public void The_service_may_do_little()
    {
        Needs.Program("systemd-analyze");

        // Exposure in tenths: 10 is a service without any restriction.
        CommandResult result = Inside("systemd-analyze security --offline=true --threshold=60 --no-pager \"$1\"/cni-dhcp.service");

        Assert.True(result.ExitCode == 0, result.ToString());
    }

    [Fact]
    public void The_socket_starts_the_daemon_at_the_first_ADD()
    {
        Needs.Program("systemd-socket-activate");
        using var lan = new DhcpLan();
        lan.Dnsmasq();
        TestNamespace container = lan.Host.AddContainer();
        // Where the unit's socket leads by default, leases are beside it.
        var activator = new ProgramLog(lan.Host.Start(
        [
            "systemd-socket-activate", $"--listen={lan.Socket}", Path.Combine(Plugin.OursDirectory, "dhcp"), "daemon", "-socketpath", lan.Socket,
        ]));
        activator.WaitFor("Listening on");
        Assert.Equal(0, activator.Count("serving on"));

        JsonElement added = lan.Plugin.Add(container, lan.Config()).Check().Json;

        activator.WaitFor("serving on the socket of systemd");
        string address = added.GetProperty("ips")[0].GetProperty("address").GetString()!;
        Assert.StartsWith("10.5.0.", address, StringComparison.Ordinal);
        Assert.Contains(address.Split('/')[0], container.Run("ip", "-4", "addr", "show", "dev", "eth0").Check().StandardOutput, StringComparison.Ordinal);
        Assert.Single(lan.Leases);

        lan.Plugin.Delete(container, lan.Config()).Check();
        Assert.Empty(lan.Leases);
        Assert.Equal(0, activator.End());
    }

    private static CommandResult Inside(string script) =>
        Command.Run(
        [
            "unshare", "--mount", "sh", "-euc", "mount -t tmpfs tmpfs /opt; mkdir -p /opt/cni/bin; cp \"$0\" /opt/cni/bin; " + script, Path.Combine(Plugin.OursDirectory, "dhcp"), Units,
        ]);
}
