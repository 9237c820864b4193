using Patchbay.SystemTests.Engines.Cri;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Engines;

/// <summary>docs/engines/kubernetes-cri.md, typed as it stands.</summary>
public class CriPageTests
{
    [Fact]
    public void A_reader_runs_a_pod_and_removes_it()
    {
        Needs.Tbf();
        Needs.Ifb();
        DocumentedCommands page = DocumentedCommands.Of("docs/engines/kubernetes-cri.md");
        using CriHost node = CriHost.Create(network: null);
        using var crictl = new Crictl(node);
        node.Machine.Shell(page.Under("A network")).Check();
        Wait.Until("NetworkReady", () => node.Client.Condition("NetworkReady").Status);

        CommandResult typed = node.Machine.Shell(page.Under("A pod")).Check();

        Assert.Contains("true\n10.88.0.2\nfd00:88::2\n", typed.StandardOutput, StringComparison.Ordinal);
        Assert.Contains(" 1 received", typed.StandardOutput, StringComparison.Ordinal);
        Assert.Contains("inet6 fd00:88::2/64", typed.StandardOutput, StringComparison.Ordinal);
        Assert.Empty(node.Namespaces());
        Assert.Empty(node.Client.ListPodSandbox());
        Assert.Empty(Directory.GetFiles(Path.Combine(node.Host.DataDirectory, "results")));
        Assert.DoesNotContain(Directory.GetFiles(Path.Combine(node.Host.DataDirectory, "networks/pods")), file => !Path.GetFileName(file).StartsWith('l'));
        Assert.DoesNotContain("veth", node.Host.Run("ip", "-o", "link").Check().StandardOutput, StringComparison.Ordinal);
    }
}
