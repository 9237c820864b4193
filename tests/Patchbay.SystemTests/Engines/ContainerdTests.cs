using System.Diagnostics;
using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Engines;

/// <summary><c>ctr run --cni</c> of Debian's containerd: what it calls, and what is left when a container ends in any way.</summary>
public class ContainerdTests
{
    private const string Network = """
        {
          "cniVersion": "1.0.0", "name": "ctr",
          "plugins": [
            { "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true,
              "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.88.0.0/29" }]], "routes": [{ "dst": "0.0.0.0/0" }] } }
          ]
        }
        """;

    [Fact]
    public void Its_calls_are_those_that_the_page_tells()
    {
        using Containerd containerd = Containerd.Start(Recorder.Network);
        Recorder.Install(containerd.Machine);

        containerd.Ctr("run", "--rm", "--cni", Containerd.Image, "web", "sleep", "0").Check();

        Recorder.Call[] calls = Recorder.Calls(containerd.Machine);
        Assert.Equal(["ADD", "DEL"], calls.Select(call => call.Command));
        Assert.All(calls, call => Assert.Equal(("default-web", "eth0", ""), (call.ContainerId, call.IfName, call.Args)));
        Assert.Matches("^/proc/[0-9]+/ns/net$", calls[0].Netns);
        Assert.Equal("", calls[1].Netns);
        Assert.StartsWith("/opt/cni/bin", calls[0].Path, StringComparison.Ordinal);
        using var config = JsonDocument.Parse(calls[0].Config);
        Assert.False(config.RootElement.TryGetProperty("runtimeConfig", out _));
    }

    [Fact]
    public void Containers_have_a_loopback_and_reach_the_gateway_and_each_other()
    {
        using Containerd containerd = Containerd.Start(Network);
        Process one = Run(containerd, "one");
        Process two = Run(containerd, "two");

        string address = Address(containerd, "two");
        Assert.Contains("127.0.0.1", Inside(containerd, "one", "ip", "-j", "addr", "show", "dev", "lo").Check().StandardOutput, StringComparison.Ordinal);
        Inside(containerd, "one", "ping", "-c", "1", "127.0.0.1").Check();
        Inside(containerd, "one", "ping", "-c", "1", "10.88.0.1").Check();
        Inside(containerd, "one", "ping", "-c", "1", address).Check();
        Kill(containerd, one, "one");
        Kill(containerd, two, "two");
    }

    [Fact]
    public void A_failed_add_is_told_in_our_words_and_leaves_nothing()
    {
        using Containerd containerd = Containerd.Start(Network.Replace("/29", "/30", StringComparison.Ordinal));
        Process one = Run(containerd, "one");
        containerd.Machine.AwaitLinks(1);
        Snapshot before = Snapshot.Take(containerd.Host);

        CommandResult refused = containerd.Ctr("run", "--rm", "--cni", Containerd.Image, "two", "sleep", "0");

        Assert.NotEqual(0, refused.ExitCode);
        Assert.Contains("no IP addresses available in range set: 10.88.0.1-10.88.0.2", refused.StandardError, StringComparison.Ordinal);
        before.AssertSame(Snapshot.Take(containerd.Host));
        Kill(containerd, one, "one");
    }

    [Fact]
    public void A_container_that_is_killed_leaves_nothing()
    {
        using Containerd containerd = Containerd.Start(Network);
        containerd.Ctr("run", "--rm", "--cni", Containerd.Image, "first", "sleep", "0").Check();
        containerd.Machine.AwaitLinks(0);
        Snapshot before = Snapshot.Take(containerd.Host, except: "cni0");
        Process run = Run(containerd, "web");
        Assert.NotEmpty(before.Difference(Snapshot.Take(containerd.Host, except: "cni0")));

        Kill(containerd, run, "web");

        Assert.Equal("", containerd.Ctr("container", "ls", "--quiet").Check().StandardOutput);
        containerd.Machine.AwaitLinks(0);
        before.AssertSame(Snapshot.Take(containerd.Host, except: "cni0"));
    }

    // ctr of this version leaves a detached container's network to nobody; the page tells how to remove it.
    [Theory]
    [InlineData("A detached container")]
    [InlineData("All detached containers")]
    public void What_a_detached_container_leaves_is_removed_as_the_page_tells(string heading)
    {
        DocumentedCommands page = DocumentedCommands.Of("docs/engines/containerd.md");
        using Containerd containerd = Containerd.Start(network: null);
        containerd.Machine.Shell(page.Under("A network")).Check();
        containerd.Ctr("run", "--rm", "--cni", Containerd.Image, "first", "sleep", "0").Check();
        containerd.Machine.AwaitLinks(0);
        Snapshot before = Snapshot.Take(containerd.Host, except: "cni0");
        containerd.Ctr("run", "--detach", "--cni", Containerd.Image, "web", "sleep", "1000").Check();
        string tool = "CNI_PATH=/opt/cni/bin /opt/cni/bin/cnitool";
        Assert.Matches(" bridge,firewall +1 ", containerd.Machine.Shell($"{tool} list").Check().StandardOutput);
        containerd.Machine.Shell($"{tool} -c default-web check patchbay /proc/{containerd.PidOf("web")}/ns/net").Check();
        containerd.Ctr("task", "kill", "--signal", "SIGKILL", "web").Check();
        Wait.Until("the task is gone", () => containerd.Ctr("task", "rm", "web").ExitCode == 0);
        containerd.Ctr("container", "rm", "web").Check();
        Assert.Contains(before.Difference(Snapshot.Take(containerd.Host, except: "cni0")), fact => fact.Contains("/networks/patchbay/10.88.0.", StringComparison.Ordinal));

        containerd.Machine.Shell(page.Under(heading)).Check();

        containerd.Machine.AwaitLinks(0);
        before.AssertSame(Snapshot.Take(containerd.Host, except: "cni0"));
    }

    // ctr run, not detached, up to the container's start.
    private static Process Run(Containerd containerd, string name)
    {
        Process run = containerd.Machine.Start("ctr", "run", "--rm", "--cni", Containerd.Image, name, "sleep", "1000");
        Wait.Until($"{name} runs", () => run.HasExited
            ? throw new InvalidOperationException($"ctr run {name}: {run.StandardError.ReadToEnd()}")
            : containerd.Ctr("task", "ls").Check().StandardOutput.Split('\n').Any(line => line.StartsWith(name, StringComparison.Ordinal) && line.Contains("RUNNING", StringComparison.Ordinal)));
        return run;
    }

    private static void Kill(Containerd containerd, Process run, string name)
    {
        containerd.Ctr("task", "kill", "--signal", "SIGKILL", name).Check();
        Assert.True(run.WaitForExit(Command.DefaultLimit), "ctr run does not end");
    }

    private static CommandResult Inside(Containerd containerd, string name, params IReadOnlyList<string> arguments) =>
        containerd.Machine.Run(["nsenter", "--target", containerd.PidOf(name), "--net", "--", .. arguments]);

    private static string Address(Containerd containerd, string name) =>
        Inside(containerd, name, "ip", "-j", "-4", "addr", "show", "dev", "eth0").Check().Json[0].GetProperty("addr_info")[0].GetProperty("local").GetString()!;
}
