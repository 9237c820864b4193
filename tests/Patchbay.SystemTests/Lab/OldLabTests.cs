using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Lab;

/// <summary>Files in the language of conlink's first versions: its first test, and its hosts that are found by their process.</summary>
public class OldLabTests
{
    [Fact]
    public void A_router_between_three_networks_and_a_host_found_by_its_process()
    {
        Needs.Program("pgrep");
        using LabHost lab = new();
        string file = Repository.PathOf("examples/lab/conlink1-routers.yaml");
        Snapshot before = Snapshot.Take(lab.Host);

        lab.Lab("up", file, "--detach").Check();

        // As conlink's README has it, but for other labs on this machine that have an h1 too.
        Command.Run(["sh", "-c", """
            for pid in $(pgrep -f "mininet:h1"); do
                [ "$(stat -Lc %i "/proc/$pid/ns/net" 2>/dev/null)" = "$(stat -Lc %i "$0")" ] || continue
                exec nsenter -n -t "$pid" ping -c 1 -W 10 10.0.0.100
            done
            exit 9
            """, lab.PathOf("h1")]).Check();
        lab.Ping("h2", "192.168.1.100");
        Assert.Equal("page of h1", lab.In("h3", "curl", "-s", "--retry", "20", "--retry-connrefused", "--retry-delay", "1", "http://192.168.1.100:81/").Check().StandardOutput.Trim());
        Assert.Equal(0, lab.Lab("plan", file).ExitCode);
        lab.Lab("down").Check();
        Assert.Empty(lab.Namespaces());
        before.AssertSame(Snapshot.Take(lab.Host));
    }
}
