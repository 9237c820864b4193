using System.Diagnostics;
using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Engines;

/// <summary>
/// Podman on an <see cref="EngineHost"/>, in which every directory that Podman, conmon, runc and the plugins write to is an empty one. So
/// commands can be typed as on any machine, with no options that say where.
/// </summary>
internal sealed class PodmanHost : IDisposable
{
    public const string HostV4 = "192.0.2.1";
    public const string HostV6 = "2001:db8::1";
    public const string ClientV4 = "192.0.2.2";

    // /dev/shm has Podman's locks; /mnt is where the commands are typed.
    private const string Setup = """
        for own in /mnt /dev/shm; do mount -t tmpfs tmpfs "$own"; done
        rm -f /etc/containers/libpod.conf
        mkdir -p /etc/containers/containers.conf.d /etc/cni/net.d /run/netns /run/cni
        """;

    // What a machine without systemd, and with fewer rights than a real one, needs; nothing of it is about the network.
    private const string Machine = """
        [containers]
        default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
        log_driver = "k8s-file"
        [engine]
        cgroup_manager = "cgroupfs"
        runtime = "runc"
        events_logger = "file"
        """;

    private readonly EngineHost _machine;

    /// <param name="configured">Whether Podman is told to use the plugins; the page does it itself.</param>
    public PodmanHost(bool configured = true)
    {
        Plugin.NeedsOurs("bridge", "host-local", "portmap", "firewall", "tuning", "macvlan");
        foreach (string program in (string[])["podman", "conmon", "runc", "busybox"])
            Needs.Program(program);
        _machine = EngineHost.Create();
        try
        {
            Command.Run(["cp", "-a", "/etc/containers", _machine.PathOf("/etc/")]).Check();
            _machine.Run("bash", "-euc", Setup).Check();
            _machine.InstallPlugins();
            Write("/etc/containers/containers.conf.d/90-machine.conf", Machine);
            if (configured)
            {
                DocumentedCommands page = DocumentedCommands.Of(PodmanPage.Path);
                Sh(page.Under(PodmanPage.Configuration));
                Sh(page.Under(PodmanPage.Image));
            }
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The network namespace, and the directory of the test.</summary>
    public TestHost Host => _machine.Host;

    /// <summary>Has Podman use the plugins that Debian packages, but for dnsname.</summary>
    public void UseReference()
    {
        Assert.SkipUnless(File.Exists($"{ReferencePlugins.Directory}/bridge"), $"needs {ReferencePlugins.Directory} of Debian's containernetworking-plugins");
        Sh($"""
            mkdir -p /mnt/theirs
            ln -sf {ReferencePlugins.Directory}/* /mnt/theirs/
            rm -f /mnt/theirs/dnsname
            sed -i 's,^cni_plugin_dirs.*,cni_plugin_dirs = ["/mnt/theirs"],' /etc/containers/containers.conf.d/50-patchbay.conf
            """);
    }

    /// <summary>Has Podman use ours again.</summary>
    public void UseOurs() => Sh("sed -i 's,^cni_plugin_dirs.*,cni_plugin_dirs = [\"/opt/cni/bin\"],' /etc/containers/containers.conf.d/50-patchbay.conf");

    /// <summary>Somebody on a cable of the host, the link out0, who knows no way to the containers but by the host's addresses.</summary>
    public TestNamespace AddClient()
    {
        TestNamespace client = Host.AddContainer();
        Host.Run("ip", "link", "add", "out0", "type", "veth", "peer", "name", "eth0", "netns", client.Name).Check();
        foreach ((TestNamespace space, string link, string v4, string v6) in new[] { (Host, "out0", HostV4, HostV6), (client, "eth0", ClientV4, "2001:db8::2") })
        {
            space.Run("ip", "addr", "add", $"{v4}/24", "dev", link).Check();
            space.Run("ip", "addr", "add", $"{v6}/64", "dev", link, "nodad").Check();
            space.Run("ip", "link", "set", link, "up").Check();
        }

        return client;
    }

    /// <summary>Runs lines of shell, each of which must succeed.</summary>
    public CommandResult Sh(string script) => TrySh(script).Check();

    /// <summary>Runs lines of shell up to the first that fails.</summary>
    public CommandResult TrySh(string script, TimeSpan? limit = null) =>
        _machine.Run(["/run/daemon", "bash", "-eu", "-o", "pipefail"], $"cd /mnt\n{script}", limit: limit);

    /// <summary>Starts a program in the background.</summary>
    public Process Start(params string[] command) => _machine.Start(command);

    /// <summary>How the test reaches a file of the host.</summary>
    public string PathOf(string inside) => _machine.PathOf(inside);

    /// <summary>Runs a podman command that must succeed, and returns what it printed, without the line end.</summary>
    public string Podman(params IReadOnlyList<string> arguments) => Sh($"podman {Quoted(arguments)}").StandardOutput.TrimEnd('\n');

    /// <summary>Runs a podman command, however it ends.</summary>
    public CommandResult TryPodman(params IReadOnlyList<string> arguments) => TrySh($"podman {Quoted(arguments)}");

    /// <summary>Runs a program in a container.</summary>
    public string Exec(string container, string command) => Sh($"podman exec {container} {command}").StandardOutput.TrimEnd('\n');

    /// <summary>The global addresses of an interface of a container, by the kernel's account: <c>10.88.0.2/16</c>.</summary>
    public string[] Addresses(string container, string link = "eth0") =>
        [.. Exec(container, $"ip -o addr show dev {link} scope global").Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3])];

    /// <summary>What an HTTP server says in the file index.html, without the line end; null when there is no answer.</summary>
    public static string? Fetch(TestNamespace from, string server) =>
        from.Run("timeout", "2", "busybox", "wget", "-qO-", $"http://{server}/index.html") is { ExitCode: 0 } said ? said.StandardOutput.TrimEnd('\n') : null;

    /// <summary>The network namespace of a container, seen from the test.</summary>
    public string NamespaceOf(string container) => _machine.PathOf(Inspect(container).GetProperty("NetworkSettings").GetProperty("SandboxKey").GetString()!);

    public JsonElement Inspect(string container) => Sh($"podman inspect {container}").Json[0];

    public void Write(string path, string text) => _machine.WriteFile(path, text);

    /// <summary>What is left of containers: links but bridges, reservations, cached results, and rules that name a container or its chain.</summary>
    public string[] Remains() =>
    [
        .. Host.IpJson("link show").EnumerateArray().Select(link => link.GetProperty("ifname").GetString()!)
            .Where(name => name is not ("lo" or "out0") && !name.StartsWith("cni-podman", StringComparison.Ordinal)).Select(name => $"link {name}"),
        .. Lines("find /var/lib/cni /run/netns /run/cni -type f ! -name lock ! -name '*.lock' ! -name 'last_reserved_ip.*'"),
        .. Lines("iptables-save; ip6tables-save").Where(line => line.StartsWith('-') && (line.Contains("-DN-", StringComparison.Ordinal) || line.Contains(" id: ", StringComparison.Ordinal) || line.Contains("/32", StringComparison.Ordinal) || line.Contains("/128", StringComparison.Ordinal))),
        .. Lines("nft -j list sets | jq -c '.nftables[].set | select(.elem != null)'; nft -j list maps | jq -c '.nftables[].map | select(.elem != null)'"),
    ];

    public void AssertNothingRemains()
    {
        string[] remains = Remains();
        if (remains.Length > 0)
            Assert.Fail($"left behind:\n{string.Join('\n', remains)}");
    }

    public void Dispose() => _machine.Dispose();

    private string[] Lines(string script) => Sh(script).StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static string Quoted(IReadOnlyList<string> arguments) => string.Join(' ', arguments.Select(a => $"'{a.Replace("'", "'\\''", StringComparison.Ordinal)}'"));
}
