using System.Diagnostics;
using System.Globalization;
using Patchbay.SystemTests.Engines;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Lab.Engines;

/// <summary>Podman of a user who is not root, on a host of its own: mounts and processes apart, the user known there alone, all files in memory.</summary>
/// <remarks>The user has no range of subordinate ids, so that newuidmap(1) is not needed: in the containers there is one user.</remarks>
internal sealed class RootlessPodman : IDisposable
{
    private const string Setup = """
        set -eu
        mount --make-rshared /
        mount -t tmpfs tmpfs /mnt
        mkdir -p /mnt/home/.config/containers /mnt/run/podman /mnt/image/bin
        printf '[containers]\nlog_driver = "k8s-file"\n[engine]\ncgroup_manager = "cgroupfs"\nruntime = "runc"\nevents_logger = "file"\n' >/mnt/home/.config/containers/containers.conf
        printf '[storage]\ndriver = "vfs"\n' >/mnt/home/.config/containers/storage.conf
        cp "$(command -v busybox)" /mnt/image/bin/
        for applet in sh sleep ip ping readlink; do ln -s busybox /mnt/image/bin/$applet; done
        chown -R 1234:1234 /mnt
        cp -a /etc /mnt/etc
        echo 'user:x:1234:1234::/mnt/home:/bin/sh' >>/mnt/etc/passwd
        echo 'user:x:1234:' >>/mnt/etc/group
        mount --bind /mnt/etc /etc
        mount -t tmpfs tmpfs /dev/shm
        chmod 1777 /dev/shm
        echo ready
        while :; do sleep 1000 & wait; done
        """;

    private readonly Process _keeper;
    private readonly int _inside;

    public RootlessPodman()
    {
        foreach (string program in (string[])["podman", "conmon", "runc", "busybox", "setpriv"])
            Needs.Program(program);
        Needs.Kernel("user namespaces", _ => Command.Run(["setpriv", "--reuid=1234", "--regid=1234", "--clear-groups", "unshare", "--user", "--map-root-user", "true"]).ExitCode == 0);
        Host = TestHost.Create();
        _keeper = Host.Start(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--", "bash", "-c", Setup]);
        try
        {
            Assert.True(_keeper.NextLine() == "ready", "Podman's host was not made");
            _inside = int.Parse(Command.Run(["pgrep", "-P", $"{_keeper.Id}"]).Check().StandardOutput, CultureInfo.InvariantCulture);
            Sh("tar --owner=0 --group=0 --numeric-owner -C image -c . | podman import - box").Check();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public TestHost Host { get; }

    /// <summary>Where Podman's service listens, as its user says it.</summary>
    public static string Socket => "/mnt/run/podman/podman.sock";

    /// <summary>How the test reaches a file of the host.</summary>
    public string PathOf(string inside) => $"/proc/{_inside}/root{inside}";

    /// <summary>Runs lines of shell as the user, up to the first that fails.</summary>
    public CommandResult Sh(string script) => Host.Run(AsUser("bash", "-eu", "-o", "pipefail"), $"cd /mnt\n{script}");

    /// <summary>Starts Podman's service, and returns when it listens.</summary>
    public void StartService()
    {
        Host.Start(AsUser("podman", "system", "service", "--time=0", $"unix://{Socket}"));
        Wait.Until("the service listens", () => File.Exists(PathOf(Socket)));
    }

    public void Dispose()
    {
        if (!_keeper.HasExited)
            _keeper.Kill();
        _keeper.WaitForExit();
        if (_inside > 0)
            Wait.Until("the processes on Podman's host are gone", () => !Directory.Exists($"/proc/{_inside}"));
        Host.Dispose();
    }

    private string[] AsUser(params string[] command) =>
    [
        "nsenter", $"--mount=/proc/{_inside}/ns/mnt", $"--pid=/proc/{_inside}/ns/pid", "--wd=/", "--", "setpriv", "--reuid=1234", "--regid=1234", "--clear-groups", "--",
        "env", "HOME=/mnt/home", "XDG_RUNTIME_DIR=/mnt/run", "USER=user", .. command,
    ];
}
