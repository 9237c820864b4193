using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>The real firewalld on a system bus of its own, in a test's network namespace. The host's end kills both.</summary>
internal sealed class Firewalld
{
    private const string Service = "org.fedoraproject.FirewallD1";

    private readonly TestHost _host;

    private Firewalld(TestHost host, string bus)
    {
        _host = host;
        Environment = new Dictionary<string, string?> { ["DBUS_SYSTEM_BUS_ADDRESS"] = $"unix:path={bus}" };
    }

    /// <summary>What makes a program find this bus.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; }

    /// <summary>Starts both and waits until firewalld has its name.</summary>
    /// <param name="host">Where.</param>
    /// <param name="daemon">False for the bus alone.</param>
    public static Firewalld Start(TestHost host, bool daemon = true)
    {
        Needs.Program("firewalld");
        Needs.Program("dbus-daemon");
        string directory = Path.Combine(host.Directory, "firewalld");
        Directory.CreateDirectory(Path.Combine(directory, "etc"));
        string bus = Path.Combine(directory, "bus"), config = Path.Combine(directory, "bus.conf");
        File.WriteAllText(config, $"""
            <!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
            <busconfig>
              <type>system</type><listen>unix:path={bus}</listen><auth>EXTERNAL</auth>
              <policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/></policy>
            </busconfig>
            """);
        // Printed when it listens; the socket's file is there a moment before.
        Assert.NotNull(host.Start(["dbus-daemon", $"--config-file={config}", "--nofork", "--nopidfile", "--nosyslog", "--print-address"]).NextLine());
        var here = new Firewalld(host, bus);
        if (!daemon)
            return here;
        // Kernel modules are the machine's: this one leaves them alone.
        File.WriteAllText(Path.Combine(directory, "etc/firewalld.conf"), "DefaultZone=public\nFirewallBackend=nftables\nCleanupModulesOnExit=no\n");
        host.Start(
            ["firewalld", "--nofork", "--nopid", $"--system-config={directory}/etc", "--log-target=file", $"--log-file={directory}/log"],
            here.Environment);
        // gdbus(1) waits for the name itself.
        host.Run(["gdbus", "wait", "--system", "--timeout", "60", Service], stdin: null, here.Environment).Check();
        // The name is there a moment before the service answers.
        host.Run(["firewall-cmd", "--state"], stdin: null, here.Environment).Check();
        return here;
    }

    /// <summary>The sources of a zone, as firewalld's own client tells them.</summary>
    public string[] Sources(string zone = "trusted") =>
        [.. Client($"--zone={zone}", "--list-sources").Check().StandardOutput.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Order(StringComparer.Ordinal)];

    /// <summary>firewall-cmd(1).</summary>
    public CommandResult Client(params string[] arguments) => _host.Run(["firewall-cmd", .. arguments], stdin: null, Environment);
}
