using System.Diagnostics;
using System.Globalization;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Engines;

/// <summary>Debian's containerd on an <see cref="EngineHost"/>, with an image made of Debian's busybox.</summary>
internal sealed class Containerd : IDisposable
{
    /// <summary>The name that docs/engines/containerd.md gives the image which it builds.</summary>
    public const string Image = "docker.io/library/busybox:local";

    private Process? _daemon;
    private StringWriter _log = new();

    private Containerd(EngineHost machine)
    {
        Machine = machine;
    }

    public EngineHost Machine { get; }

    public TestHost Host => Machine.Host;

    /// <summary>The daemon's gRPC socket, as the test reaches it.</summary>
    public string Socket => Machine.PathOf("/run/containerd/containerd.sock");

    /// <summary>containerd with the plugins under test in /opt/cni/bin, started, with the image in both of its namespaces.</summary>
    /// <param name="network">The configuration in /etc/cni/net.d, a list.</param>
    /// <param name="plugins">Another directory of plugins than ours.</param>
    public static Containerd Start(string? network, string? plugins = null)
    {
        Needs.Program("containerd");
        Needs.Program("ctr");
        Needs.Program("runc");
        // Other versions call otherwise (2.0 asks for STATUS, say), and are configured otherwise.
        string version = Command.Run(["containerd", "--version"]).StandardOutput;
        Assert.SkipUnless(version.Contains(" 1.6.", StringComparison.Ordinal), $"needs containerd 1.6, as Debian 12 has it; this is {version.Trim()}");
        if (plugins is null)
            Plugin.NeedsOurs("bridge", "host-local", "loopback", "portmap", "bandwidth");
        var containerd = new Containerd(EngineHost.Create());
        try
        {
            EngineHost machine = containerd.Machine;
            machine.Install(plugins ?? Plugin.OursDirectory);
            Directory.CreateDirectory(machine.PathOf("/etc/cni/net.d"));
            if (network is not null)
                machine.WriteFile("/etc/cni/net.d/10-patchbay.conflist", network);
            machine.Shell(DocumentedCommands.Of("docs/engines/kubernetes-cri.md").Under("containerd")).Check();
            containerd.Start();
            machine.Shell(DocumentedCommands.Of("docs/engines/containerd.md").Under("An image")).Check();
            containerd.Ctr("--namespace", "k8s.io", "images", "import", "/run/reader/busybox.tar").Check();
            return containerd;
        }
        catch
        {
            containerd.Dispose();
            throw;
        }
    }

    /// <summary>Starts the daemon, and returns when it answers.</summary>
    public void Start()
    {
        Process daemon = Machine.Start("bash", "-c", "echo $$ >/run/containerd.pid; exec containerd 2>&1");
        _daemon = daemon;
        var log = new StringWriter();
        _log = log;
        daemon.OutputDataReceived += (_, line) =>
        {
            lock (log)
                log.WriteLine(line.Data);
        };
        daemon.BeginOutputReadLine();
        Wait.Until("containerd answers", () => daemon.HasExited ? throw new InvalidOperationException($"containerd ended:\n{Log}") : Ctr("version").ExitCode == 0);
    }

    /// <summary>Stops the daemon as systemd would: its containers go on.</summary>
    public void Stop()
    {
        Machine.Run("bash", "-c", "kill $(</run/containerd.pid)").Check();
        Assert.True(_daemon!.WaitForExit(Command.DefaultLimit), "containerd does not end");
    }

    /// <summary>What the daemon wrote since its last start.</summary>
    public string Log
    {
        get
        {
            lock (_log)
                return _log.ToString();
        }
    }

    public CommandResult Ctr(params IReadOnlyList<string> arguments) => Machine.Run(["ctr", .. arguments]);

    /// <summary>The process of a container that ctr started, as a number inside the machine.</summary>
    public string PidOf(string container) =>
        Ctr("task", "ls").Check().StandardOutput.Split('\n')
            .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(line => line.Length >= 3 && line[0] == container && int.Parse(line[1], CultureInfo.InvariantCulture) > 0).Select(line => line[1]).FirstOrDefault()
        ?? throw new InvalidOperationException($"ctr task ls does not list {container}");

    public void Dispose() => Machine.Dispose();
}
