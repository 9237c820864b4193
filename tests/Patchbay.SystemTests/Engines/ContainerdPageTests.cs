using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Engines;

/// <summary>docs/engines/containerd.md, typed as it stands.</summary>
public class ContainerdPageTests
{
    private static readonly DocumentedCommands Page = DocumentedCommands.Of("docs/engines/containerd.md");

    [Fact]
    public void A_reader_runs_a_container_and_removes_it()
    {
        using Containerd containerd = Containerd.Start(network: null);
        containerd.Machine.Shell(Page.Under("A network")).Check();
        // The first container brings what belongs to none: the bridge, and the packet filter's common chains.
        containerd.Ctr("run", "--rm", "--cni", Containerd.Image, "first", "sleep", "0").Check();
        containerd.Machine.AwaitLinks(0);
        Snapshot before = Snapshot.Take(containerd.Host, except: "cni0");

        CommandResult typed = containerd.Machine.Shell($"{Page.Under("Run")}\n{Page.Under("Remove")}").Check();

        Assert.Contains("inet 10.88.0.3/16", typed.StandardOutput, StringComparison.Ordinal);
        Assert.Contains("inet6 fd00:88::3/64", typed.StandardOutput, StringComparison.Ordinal);
        Assert.Contains(" 1 received", typed.StandardOutput, StringComparison.Ordinal);
        Assert.Contains("hello\n", typed.StandardOutput, StringComparison.Ordinal);
        containerd.Machine.AwaitLinks(0);
        before.AssertSame(Snapshot.Take(containerd.Host, except: "cni0"));
    }
}
