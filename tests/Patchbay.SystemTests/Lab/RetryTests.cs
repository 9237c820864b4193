using System.Diagnostics;
using System.Text.Json;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Lab.Engines;

namespace Patchbay.SystemTests.Lab;

/// <summary>What cannot be wired is tried again, without an event of any engine, and is waited for meanwhile.</summary>
public class RetryTests
{
    [Fact]
    public void A_container_is_linked_when_what_was_in_the_way_is_gone()
    {
        using LabHost lab = new();
        string container = $"{lab.Name}-left";
        string file = lab.Write($"links: [{{container: {container}, bridge: lan, dev: eth0, ip: 10.0.1.1/24}}]");
        Command.Run(["ip", "netns", "add", container]).Check();
        Process? up = null;
        try
        {
            lab.In("left", "ip", "link", "add", "eth0", "type", "bridge").Check();
            lab.Host.Run("ip", "link", "set", "lo", "up").Check();
            up = lab.Host.Start([.. PatchbayProgram.Line, "lab", "up", "--name", lab.Name, "--namespaces", "--health", "8080", file]);

            LabProcess.Says(up, $"cannot be wired, and is tried again: {container} has an interface \"eth0\" already, which no lab made");
            JsonElement health = lab.Host.Run("curl", "-sS", "http://127.0.0.1:8080/").Check().Json;
            Assert.Equal("waiting", health.GetProperty("status").GetString());
            Assert.Contains("has an interface \"eth0\" already", health.GetProperty("problem").GetString(), StringComparison.Ordinal);
            Assert.Equal(1, lab.Lab("wait", "--timeout", "0.1").ExitCode);

            lab.In("left", "ip", "link", "del", "eth0").Check();

            string said = LabProcess.Says(up, "All links connected");
            Assert.Single(said.Split('\n'), line => line.Contains("links connected", StringComparison.Ordinal) && !line.StartsWith("All", StringComparison.Ordinal));
            Assert.DoesNotContain("cannot be wired", said, StringComparison.Ordinal); // told once, however often it was tried
            Assert.Contains("10.0.1.1/24", lab.In("left", "ip", "-o", "addr", "show", "dev", "eth0").Check().StandardOutput, StringComparison.Ordinal);
            LabProcess.End(up);
        }
        finally
        {
            if (up is { HasExited: false })
                up.Kill();
            Command.Run(["ip", "netns", "del", container]);
        }
    }

    [Fact]
    public void The_reason_is_told_when_the_time_is_over()
    {
        using LabHost lab = new();
        string container = $"{lab.Name}-left";
        Command.Run(["ip", "netns", "add", container]).Check();
        try
        {
            lab.In("left", "ip", "link", "add", "eth0", "type", "bridge").Check();

            CommandResult up = lab.Lab("up", lab.Write($"links: [{{container: {container}, bridge: lan}}]"), "--namespaces", "--timeout", "1");

            Assert.Equal(1, up.ExitCode);
            Assert.Contains($"still waiting for {container} has an interface \"eth0\" already", up.StandardError, StringComparison.Ordinal);
            Assert.Empty(lab.Interfaces());
        }
        finally
        {
            Command.Run(["ip", "netns", "del", container]);
        }
    }
}
