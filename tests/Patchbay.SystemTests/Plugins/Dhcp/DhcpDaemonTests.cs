using System.Diagnostics;
using System.Globalization;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Dhcp;

/// <summary>The daemon as a program: start, end, crash, its socket, and how much of the machine it takes.</summary>
public sealed class DhcpDaemonTests : IDisposable
{
    private readonly DhcpLan _lan = new();

    public void Dispose() => _lan.Dispose();

    [Theory]
    [InlineData("-KILL")]
    [InlineData("-TERM")]
    [InlineData("-INT")]
    public void Leases_survive_the_daemon(string signal)
    {
        ProgramLog server = _lan.Dnsmasq();
        string pidFile = Path.Combine(_lan.Host.Directory, "dhcp.pid");
        ProgramLog daemon = _lan.Daemon("--pidfile", pidFile, "--timeout=3s");
        Assert.Equal(daemon.Id, int.Parse(File.ReadAllText(pidFile), CultureInfo.InvariantCulture));
        TestNamespace container = _lan.Host.AddContainer();
        string config = _lan.Config();
        PluginResult added = _lan.Plugin.Add(container, config).Check();
        string lease = Assert.Single(_lan.Leases);

        int status = daemon.End(signal);

        Assert.Equal(signal == "-KILL" ? 137 : 0, status);
        Assert.Equal(signal == "-KILL", File.Exists(_lan.Socket)); // a killed one leaves its socket
        Assert.Equal(signal == "-KILL", File.Exists(pidFile));
        Assert.True(File.Exists(lease));
        server.WaitFor("DHCPACK");

        ProgramLog next = _lan.Daemon("--pidfile", pidFile);
        server.WaitFor("DHCPACK"); // INIT-REBOOT
        next.WaitFor("prolonged");
        _lan.Plugin.Check(container, Conf.WithResult(config, added)).Check();
        Assert.Equal(0, server.Count("DHCPRELEASE"));
        _lan.Plugin.Delete(container, config).Check();
        server.WaitFor("DHCPRELEASE");
        Assert.Empty(_lan.Leases);
    }

    [Fact]
    public void A_daemon_in_a_container_finds_the_hosts_files_behind_a_prefix()
    {
        ProgramLog server = _lan.Dnsmasq();
        TestNamespace container = _lan.Host.AddContainer();
        string prefix = Path.Combine(_lan.Host.Directory, "host");
        // Its own file system has neither the namespaces nor the directory of the socket where the host has them.
        string start = $"""
            for each in /run/netns {_lan.Host.Directory}; do mkdir -p {prefix}$each && mount --rbind $each {prefix}$each || exit 1; done
            mount -t tmpfs none /run/netns
            exec "$0" daemon -hostprefix {prefix} -socketpath {_lan.Socket}
            """;
        ProgramLog Daemon()
        {
            var log = new ProgramLog(_lan.Host.Start(["unshare", "--mount", "sh", "-c", start, Path.Combine(Plugin.OursDirectory, "dhcp")]));
            log.WaitFor($"serving on {prefix}{_lan.Socket}");
            return log;
        }

        ProgramLog daemon = Daemon();
        string config = _lan.Config();
        PluginResult added = _lan.Plugin.Add(container, config).Check();
        Assert.Single(_lan.Leases);
        _lan.Plugin.Check(container, Conf.WithResult(config, added)).Check();

        daemon.Kill();
        daemon = Daemon();
        daemon.WaitFor("prolonged");
        _lan.Plugin.Check(container, Conf.WithResult(config, added)).Check();
        _lan.Plugin.Delete(container, config).Check();
        server.WaitFor("DHCPRELEASE");
        Assert.Empty(_lan.Leases);
        Assert.Equal(0, daemon.End());
        Assert.False(File.Exists(_lan.Socket));
    }

    [Fact]
    public void Without_a_daemon_DEL_gives_the_lease_back_itself()
    {
        ProgramLog server = _lan.Dnsmasq();
        ProgramLog daemon = _lan.Daemon();
        TestNamespace container = _lan.Host.AddContainer();
        string config = _lan.Config();
        Snapshot before = Snapshot.Take(_lan.Host);
        _lan.Plugin.Add(container, config).Check();
        daemon.Kill();

        PluginResult deleted = _lan.Plugin.Delete(container, config).Check();

        server.WaitFor("DHCPRELEASE");
        Assert.Contains("without it", deleted.StandardError, StringComparison.Ordinal);
        Assert.Empty(_lan.Leases);
        before.AssertSame(Snapshot.Take(_lan.Host));
        _lan.Plugin.Delete(container, config).Check();
        Assert.Contains("error dialing DHCP daemon", _lan.Plugin.Add(container, config).CheckError(999).ErrorText, StringComparison.Ordinal);
        before.AssertSame(Snapshot.Take(_lan.Host));
    }

    [Fact]
    public void A_lease_whose_container_vanished_meanwhile_is_forgotten()
    {
        _lan.Dnsmasq();
        ProgramLog daemon = _lan.Daemon();
        TestNamespace container = _lan.Host.AddContainer(), second = _lan.Host.AddContainer();
        _lan.Plugin.Add(container, _lan.Config()).Check();
        _lan.Plugin.Add(second, _lan.Config()).Check();
        daemon.Kill();
        // Another namespace and another interface in the places of the old ones.
        Command.Run(["ip", "netns", "del", container.Name]).Check();
        Command.Run(["ip", "netns", "add", container.Name]).Check();
        second.Run("ip", "link", "del", "eth0").Check();
        second.Run("ip", "link", "add", "eth0", "type", "veth", "peer", "name", "other").Check();
        File.WriteAllText(Path.Combine(_lan.StateDirectory, "net:half:eth0.json"), """{ "format": 1, "network": "ne""");
        File.WriteAllText(Path.Combine(_lan.StateDirectory, "net:x:eth0.json.new"), "");

        ProgramLog next = _lan.Daemon();

        next.WaitFor("forgotten");
        next.WaitFor("forgotten");
        _lan.Plugin.Invoke("STATUS", _lan.Config()).Check(); // answered after all that the line announces
        Assert.Contains("net:half:eth0.json: left alone, it is no lease", next.Text, StringComparison.Ordinal);
        Assert.Equal("net:half:eth0.json", Path.GetFileName(Assert.Single(_lan.Leases)));
        Assert.False(File.Exists(Path.Combine(_lan.StateDirectory, "net:x:eth0.json.new")));
    }

    [Fact]
    public void A_live_daemon_is_not_replaced_and_neither_is_a_file()
    {
        ProgramLog first = _lan.Daemon();
        ProgramLog second = _lan.StartDaemon();
        Assert.Equal(1, second.WaitForExit());
        second.WaitFor($"cannot listen on {_lan.Socket}: a daemon answers there already");
        _lan.Plugin.Invoke("STATUS", _lan.Config()).Check();
        Assert.Equal(0, first.End());
        File.WriteAllText(_lan.Socket, "precious");
        ProgramLog third = _lan.StartDaemon();
        Assert.Equal(1, third.WaitForExit());
        third.WaitFor("it exists and is no socket");
        Assert.Equal("precious", File.ReadAllText(_lan.Socket));
    }

    [Theory]
    [InlineData("-pidfile=relative.pid", "-pidfile must be an absolute path, not \"relative.pid\"")]
    [InlineData("-timeout=10", "-timeout must be a duration above 0 such as 1m30s, 10s or 500ms, not \"10\"")]
    [InlineData("--resendmax=-1s", "-resendmax must be a duration")]
    [InlineData("-resendtimeout", "-resendtimeout needs a value")]
    [InlineData("-broadcast=maybe", "-broadcast must be true or false, not \"maybe\"")]
    [InlineData("-socket=x", "unknown option -socket")]
    [InlineData("stop", "takes options only, not \"stop\"")]
    public void A_wrong_option_is_named(string option, string expected)
    {
        CommandResult result = _lan.Host.Run(Path.Combine(Plugin.OursDirectory, "patchbay-cni"), "dhcp", "daemon", option);
        Assert.Equal(2, result.ExitCode);
        Assert.Contains(expected, result.StandardError, StringComparison.Ordinal);
    }

    [Fact]
    public void Many_leases_are_kept_by_one_thread_and_no_descriptors()
    {
        const int Many = 64;
        _lan.Dnsmasq("--dhcp-lease-max=1000");
        ProgramLog daemon = _lan.Daemon();
        (int threads, int descriptors) = (Threads(daemon), Descriptors(daemon));
        var alone = new Plugin(_lan.Host, "dhcp");
        // One namespace with many interfaces does: each is a lease.
        TestNamespace container = _lan.Host.AddContainer();
        string script = string.Concat(Enumerable.Range(0, Many).Select(i =>
            $"link add p{i} type veth peer name e{i} netns {container.Name}\nlink set p{i} master {DhcpLan.Bridge} up\n"));
        _lan.Host.Run(["ip", "-batch", "-"], script).Check();

        string[] addresses = new string[Many];
        Thread[] adds = [.. Enumerable.Range(0, Many).Select(i => new Thread(() => addresses[i] = alone.Add(container, _lan.Config(), $"e{i}").StandardOutput))];
        foreach (Thread each in adds)
            each.Start();
        foreach (Thread each in adds)
            each.Join();

        Assert.All(addresses, each => Assert.Contains("10.5.0.", each, StringComparison.Ordinal));
        Assert.Equal(Many, addresses.Distinct().Count());
        Assert.Equal(Many, _lan.Leases.Length);
        Assert.Equal((threads, descriptors), (Threads(daemon), Descriptors(daemon)));

        daemon.Kill();
        ProgramLog next = _lan.Daemon();
        for (int i = 0; i < Many; i++)
            next.WaitFor("prolonged");
        Assert.Equal((threads, descriptors), (Threads(next), Descriptors(next)));
    }

    [Fact]
    public void A_socket_of_systemd_is_served_and_left()
    {
        Needs.Program("perl");
        // What systemd does: the socket is descriptor 3, and the variables name the process.
        const string Activate = """
            use Socket; use POSIX; my ($path, @command) = @ARGV; $^F = 255; # no descriptor is closed by exec
            my $s; socket($s, PF_UNIX, SOCK_STREAM, 0) && bind($s, pack_sockaddr_un($path)) && listen($s, 16) or die $!;
            POSIX::dup2(fileno($s), 3);
            $ENV{LISTEN_PID} = $$; $ENV{LISTEN_FDS} = 1; exec @command;
            """;
        _lan.Dnsmasq();
        var daemon = new ProgramLog(_lan.Host.Start(
            ["perl", "-e", Activate, _lan.Socket, Path.Combine(Plugin.OursDirectory, "dhcp"), "daemon", "-socketpath", "/nonexistent/other.sock", "-statedir", _lan.StateDirectory]));
        TestNamespace container = _lan.Host.AddContainer();
        daemon.WaitFor("serving on the socket of systemd");

        _lan.Plugin.Add(container, _lan.Config()).Check();
        _lan.Plugin.Delete(container, _lan.Config()).Check();

        Assert.Equal(0, daemon.End());
        Assert.True(File.Exists(_lan.Socket)); // systemd listens on
    }

    [Fact]
    public void Other_users_are_not_answered()
    {
        _lan.Daemon();
        File.SetUnixFileMode(_lan.Host.Directory, (UnixFileMode)0b111_101_101);
        Assert.Equal((UnixFileMode)0b110_000_000, File.GetUnixFileMode(_lan.Socket));
        Assert.Equal((UnixFileMode)0b111_000_000, File.GetUnixFileMode(_lan.StateDirectory));
        File.SetUnixFileMode(_lan.Socket, (UnixFileMode)0b110_110_110);

        CommandResult asked = _lan.Host.Run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", Path.Combine(Plugin.OursDirectory, "dhcp")],
            _lan.Config(),
            new Dictionary<string, string?> { ["CNI_COMMAND"] = "STATUS", ["CNI_PATH"] = Plugin.OursDirectory });

        Assert.Contains("answers to root and its own user only", asked.StandardOutput, StringComparison.Ordinal);
    }

    private static int Threads(ProgramLog daemon) => int.Parse(
        File.ReadLines($"/proc/{daemon.Id}/status").Single(line => line.StartsWith("Threads:", StringComparison.Ordinal))[8..], CultureInfo.InvariantCulture);

    // A moment may pass between the plugin's exit and the daemon's look at its connection.
    private static int Descriptors(ProgramLog daemon)
    {
        int count = int.MaxValue;
        for (var limit = Stopwatch.StartNew(); limit.Elapsed < TimeSpan.FromSeconds(2);)
            count = Math.Min(count, Directory.GetFiles($"/proc/{daemon.Id}/fd").Length);
        return count;
    }
}
