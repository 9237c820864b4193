using Patchbay.SystemTests.Engines;

namespace Patchbay.SystemTests.Lab;

/// <summary>A Docker that goes away and returns under a lab; one of its own, for the others must not.</summary>
public class EngineOutageTests
{
    [Fact]
    public void The_lab_waits_for_the_engine_and_links_what_runs_then()
    {
        DockerEngine.Required();
        using DockerEngine docker = new();
        using FollowedLab lab = new(docker, """
            nodes: [n]
            links:
              - {node: n, bridge: lan, ip: 10.0.1.254/24}
              - {container: "${NODE_NAME_1}", bridge: lan, ip: 10.0.1.1/24}
            """);
        docker.Docker("run", "-d", "--name", lab.First, "--network", "none", "busybox", "sleep", "1000").Check();
        lab.Start();
        lab.Says("All links connected");

        docker.Stop();
        lab.Says("cannot be reached");
        // What needs no engine is still there.
        Assert.True(docker.Host.HasLink("lan") && docker.Host.HasLink("n-eth0"));
        docker.Start();
        docker.Docker("start", lab.First).Check();

        lab.Says($"{lab.First}: links connected", times: 2);
        docker.Docker("exec", lab.First, "ping", "-c", "1", "-W", "10", "10.0.1.254").Check();
    }
}
