using System.Diagnostics;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Tools;

namespace Patchbay.SystemTests.Engines;

/// <summary>A docker engine of its own on a host of its own: data, state, socket, control groups; and an image busybox, made on the spot.</summary>
/// <remarks>The image has no file and no directory that the busybox of Docker's registry lacks: what works with this one works for readers, too.</remarks>
public sealed class DockerEngine : IDisposable
{
    private readonly TestHost? _host;
    private Process? _daemon;

    public DockerEngine()
    {
        if (!Environment.IsPrivilegedProcess || Missing.Length > 0)
            return; // each test says so
        _host = TestHost.Create();

        Start();
        _host.Run(["sh", "-euc", """
            cd "$0" && mkdir -p image/bin image/etc image/tmp
            cp "$(command -v busybox)" image/bin/
            for applet in sh sleep ip ifconfig cat ping nc grep httpd true; do ln -s busybox image/bin/$applet; done
            tar -C image -c . | docker import - busybox:latest
            """, _host.Directory], null, Variables).Check();
    }

    /// <summary>Starts the engine, and returns when it answers.</summary>
    internal void Start()
    {
        // The engine's and its shims' other files are in /run: an empty one, which goes with the mount namespace, as do the engine's mounts.
        string[] options =
        [
            "--data-root", At("docker"), "--exec-root", At("exec"), "--pidfile", At("docker.pid"), "--host", $"unix://{Socket}",
            "--bridge", "none", "--iptables=false", "--ip6tables=false", "--cgroup-parent", $"/{Host.Name}", "--shutdown-timeout", "1",
        ];
        Process daemon = _daemon = Host.Start(["unshare", "--mount", "--", "sh", "-c", """mount -t tmpfs tmpfs /run && exec dockerd "$@" >"$0" 2>&1""", At("docker.log"), .. options]);
        Wait.Until("the docker engine", () => daemon.HasExited || Docker("version").ExitCode == 0);
        if (daemon.HasExited)
            throw new InvalidOperationException($"dockerd ended: {File.ReadAllText(At("docker.log"))}");
    }

    /// <summary>Stops the engine as systemd would, and with it its containers.</summary>
    internal void Stop()
    {
        RunHost.Send("TERM", _daemon!.Id);
        Assert.True(_daemon.WaitForExit(Command.DefaultLimit), "dockerd does not end");
    }

    /// <summary>The engine as a lab sees it.</summary>
    internal Patchbay.Lab.Engines.Engine Connect() => new Patchbay.Lab.Engines.Docker.DockerEngine("docker", Socket);

    internal TestHost Host => _host ?? throw new InvalidOperationException("no engine");

    internal Dictionary<string, string?> Variables => new() { ["DOCKER_HOST"] = $"unix://{Socket}", ["DOCKER_CONFIG"] = At("config") };

    private string Socket => At("docker.sock");

    private static string Missing { get; } = string.Join(", ", ((string[])["dockerd", "docker", "containerd", "runc", "busybox"]).Where(Lacks));

    /// <summary>Skips a test where there is no engine.</summary>
    internal static void Required()
    {
        Needs.Root();
        Assert.SkipUnless(Missing.Length == 0, $"needs {Missing}");
        Assert.SkipUnless(Directory.EnumerateDirectories("/sys/fs/cgroup").Any(), "needs control groups mounted in /sys/fs/cgroup");
    }

    private static bool Lacks(string program) => Command.Run(["sh", "-c", "command -v \"$0\"", program]).ExitCode != 0;

    internal CommandResult Docker(params string[] arguments) => Host.Run(["docker", .. arguments], null, Variables);

    public void Dispose()
    {
        if (_host is null)
            return;
        if (_daemon is { HasExited: false })
        {
            foreach (string id in Docker("ps", "-aq").StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                Docker("rm", "--force", id);
            RunHost.Send("TERM", _daemon.Id);
            _daemon.WaitForExit(Command.DefaultLimit);
        }

        // What the engine makes above its containers' own, and never removes.
        Command.Run(["find", "/sys/fs/cgroup", "-depth", "-type", "d", "-path", $"*/{_host.Name}*", "-exec", "rmdir", "{}", ";"]);
        _host.Dispose();
    }

    private string At(string name) => Path.Combine(Host.Directory, name);
}
