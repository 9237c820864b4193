using System.Diagnostics;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Tools;

/// <summary><c>patchbay-cni install</c> where it cannot, and when it is killed.</summary>
public sealed class InstallFaultTests : IDisposable
{
    private readonly InstallDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_directory_that_is_none_is_told()
    {
        string missing = Path.Combine(_directory.Path, "missing");
        AssertSays("does not exist", missing);
        Assert.False(Directory.Exists(missing));
        File.WriteAllText(Path.Combine(_directory.Path, "file"), "");
        AssertSays("is not a directory", Path.Combine(_directory.Path, "file"));
        File.CreateSymbolicLink(Path.Combine(_directory.Path, "dangling"), "nowhere");
        AssertSays("does not exist", Path.Combine(_directory.Path, "dangling"));
    }

    [Fact]
    public void A_read_only_directory_is_told() => AssertSaysMounted("read-only", "mount --bind \"$1\" \"$1\" && mount -o remount,ro,bind \"$1\"");

    [Theory]
    [InlineData("size=3m")]
    [InlineData("size=20m,nr_inodes=2")]
    public void A_full_disk_is_told_and_nothing_is_left(string options) =>
        AssertSaysMounted("no space left", $"mount -t tmpfs -o {options} tmpfs \"$1\" && echo mine >\"$1\"/ptp", "test \"$(ls -A \"$1\")\" = ptp", "--force");

    [Fact]
    public void Without_permission_it_is_told()
    {
        File.SetUnixFileMode(_directory.Path, (UnixFileMode)0x1ed);
        CommandResult result = Command.Run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", InstallDirectory.Program, "install", _directory.Bin]);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains("no permission", result.StandardError, StringComparison.Ordinal);
        Assert.Empty(_directory.Files);
    }

    [Fact]
    public void Killed_anywhere_every_name_is_whole_and_the_next_time_repairs_it()
    {
        Needs.Program("strace");
        string[] old = ["patchbay-cni", "bridge", "host-local", "ptp"];
        foreach (string point in (string[])[
            "pwrite64:1", "pwrite64:4", "fchmod:1", "fsync:1", "linkat:1", "renameat:1", "linkat:2", "renameat:2", "linkat:12", "renameat:12", "renameat:21", "unlinkat:1", "fsync:2"])
        {
            string[] call = point.Split(':');
            Command.Run(["sh", "-c", "rm -rf \"$0\"; mkdir \"$0\"", _directory.Bin]).Check();
            _directory.Version("0.0.9", old);

            CommandResult killed = Command.Run(
            [
                "strace", "-f", "-o", "/dev/null", $"--trace={call[0]}", $"--inject={call[0]}:signal=KILL:when={call[1]}", InstallDirectory.Program, "install", _directory.Bin,
            ]);

            Assert.True(killed.ExitCode != 0, $"was not killed at {point}: {killed}");
            foreach (string name in old[1..])
                Version(_directory[name]).Check();
            Dictionary<string, string> states = _directory.States();
            Assert.All(old, name => Assert.True(states[name] is "older" or "current" or "copy", $"{name} is {states[name]} after a kill at {point}"));
            Assert.All(states.Values, state => Assert.True(state is "older" or "current" or "missing" or "copy", $"{state} after a kill at {point}"));

            _directory.Install().Check();
            _directory.AssertWhole();
        }
    }

    [Fact]
    public void A_plugin_that_is_started_meanwhile_is_always_found()
    {
        _directory.Version("0.0.9", "patchbay-cni", "bridge");
        bool stop = false;
        int starts = 0, failures = 0;
        var engine = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                if (Version(_directory["bridge"]).ExitCode != 0)
                    failures++;
                Interlocked.Increment(ref starts);
            }
        });
        engine.Start();

        for (int i = 0; i < 10; i++)
        {
            _directory.Install().Check();
            _directory.Version("0.0.9", "other");
            File.Move(_directory["other"], _directory["bridge"], overwrite: true);
        }

        Volatile.Write(ref stop, true);
        engine.Join();
        Assert.True(starts > 0);
        Assert.Equal(0, failures);
    }

    [Fact]
    public void Several_at_once_do_not_meet()
    {
        Process[] all = [.. Enumerable.Range(0, 6).Select(_ => Command.Start([InstallDirectory.Program, "install", _directory.Bin]))];
        foreach (Process one in all)
        {
            using (one)
            {
                Assert.True(one.WaitForExit(Command.DefaultLimit));
                Assert.True(one.ExitCode == 0, one.StandardError.ReadToEnd());
            }
        }

        _directory.AssertWhole();
    }

    private static CommandResult Version(string file) => Command.Run([file], "{}", new Dictionary<string, string?> { ["CNI_COMMAND"] = "VERSION" });

    private static void AssertSays(string text, string directory)
    {
        foreach (string mode in (string[])["--dry-run", "--check", "--uninstall", "--json"])
        {
            CommandResult result = Command.Run([InstallDirectory.Program, "install", mode, directory]);
            Assert.Equal(1, result.ExitCode);
            Assert.Contains(text, result.StandardError, StringComparison.Ordinal);
        }
    }

    // In mounts of its own, which are gone with the shell.
    private void AssertSaysMounted(string text, string mount, string after = "true", params string[] flags)
    {
        CommandResult result = Command.Run(
            ["unshare", "--mount", "sh", "-c", $"{mount} || exit 3; \"$0\" install {string.Join(' ', flags)} \"$1\"; status=$?; {after} || exit 4; exit $status", InstallDirectory.Program, _directory.Bin]);

        Assert.Equal(1, result.ExitCode);
        Assert.Contains(text, result.StandardError, StringComparison.Ordinal);
        Assert.Empty(_directory.Files);
    }
}
