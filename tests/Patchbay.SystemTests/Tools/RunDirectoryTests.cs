using Patchbay.SystemTests.Engines;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Tools;

/// <summary>What priv-net-run, docker-run and the hook for runc make of a directory with empty, broken, huge and doubled configurations.</summary>
public class RunDirectoryTests
{
    [Theory]
    [InlineData("priv-net-run", "true")]
    [InlineData("docker-run", "busybox")]
    public void A_bad_file_is_named_before_anything_is_made(string tool, string command)
    {
        using var run = new RunHost(tool);
        Snapshot before = run.Snapshot();
        foreach ((string name, string text, _, string says) in BadConfigurations.All)
            Refused(name, text, says);
        Refused("huge", BadConfigurations.Huge(File.ReadAllText(Path.Combine(run.Host.ConfigDirectory, "10-web.conflist"))), "has more than 16 MiB");

        void Refused(string name, string text, string says)
        {
            string file = Path.Combine(run.Host.ConfigDirectory, $"05-{name}.conflist");
            File.WriteAllText(file, text);
            // Of all networks, and of one whose file comes later: the search stops at what cannot be understood, and passes over another list without plugins.
            foreach (string[] which in name == "without-plugins" ? [[]] : (string[][])[[], ["--network", "web"]])
            {
                CommandResult refused = run.Run([.. which, command]);
                Assert.Equal(125, refused.ExitCode);
                Assert.Contains(file, refused.StandardError, StringComparison.Ordinal);
                Assert.Contains(says, refused.StandardError, StringComparison.Ordinal);
            }

            Assert.Empty(run.Noted.Calls);
            before.AssertSame(run.Snapshot());
            File.Delete(file);
        }
    }

    [Fact]
    public void A_network_is_found_before_a_bad_file_and_the_first_of_two_of_one_name_counts()
    {
        using var run = new RunHost("priv-net-run");
        foreach ((string name, string text, _, _) in BadConfigurations.All)
            File.WriteAllText(Path.Combine(run.Host.ConfigDirectory, $"30-{name}.conflist"), text);
        run.Write("15-double.conflist", "web", "cni2", "10.24.0");
        Snapshot before = run.Snapshot();

        string shown = run.Run("--network", "web", "ip", "-o", "-4", "addr", "show", "eth0").Check().StandardOutput;

        Assert.Contains(" 10.22.0.", shown, StringComparison.Ordinal);
        Assert.Equal(["ADD noted", "DEL noted"], run.Noted.Calls);
        Assert.DoesNotContain(before.Difference(run.Snapshot()), fact => fact.Contains("10.22.0.2", StringComparison.Ordinal));
    }

    [Fact]
    public void The_hook_names_a_bad_file_and_removes_what_the_cache_remembers()
    {
        using var run = new RunHost("cni-oci-hook");
        TestNamespace container = run.Host.AddContainer();
        System.Diagnostics.Process held = run.Host.Start(["nsenter", $"--net={container.Path}", "sleep", "1000"]);
        Wait.Until("the process is in its namespace", () => File.ResolveLinkTarget($"/proc/{held.Id}/ns/net", false)?.Name != File.ResolveLinkTarget("/proc/self/ns/net", false)?.Name && Command.Run(["ip", "netns", "identify", $"{held.Id}"]).StandardOutput.Trim() == container.Name);
        Hook("creating", held.Id).Check();
        Assert.True(File.Exists(Path.Combine(run.Host.DataDirectory, "web", "10.22.0.2")));
        Assert.NotEmpty(RunHost.Remembered(run.Host.CacheDirectory));
        foreach ((string name, string text, _, _) in BadConfigurations.All)
            File.WriteAllText(Path.Combine(run.Host.ConfigDirectory, $"05-{name}.conflist"), text);

        CommandResult refused = Hook("creating", held.Id);
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("05-broken.conflist", refused.StandardError, StringComparison.Ordinal);
        held.Kill();
        held.WaitForExit();
        Hook("stopped", 0).Check();

        Assert.Equal(["ADD noted", "ADD noted", "DEL noted", "DEL noted"], run.Noted.Calls);
        Assert.Empty(RunHost.Remembered(run.Host.CacheDirectory));
        Assert.False(File.Exists(Path.Combine(run.Host.DataDirectory, "web", "10.22.0.2")));

        CommandResult Hook(string status, int pid) =>
            run.Host.Run(run.Line(), $$"""{ "ociVersion": "1.0.2", "id": "{{container.Name}}", "status": "{{status}}", "pid": {{pid}} }""", run.Environment);
    }
}
