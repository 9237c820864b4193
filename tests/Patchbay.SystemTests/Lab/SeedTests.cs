using Patchbay.SystemTests.Engines;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Lab;

/// <summary>conlink's own tests with containers, in its first language: a compose file with a network file, and a container that was there before.</summary>
public sealed class SeedTests(DockerEngine docker) : IClassFixture<DockerEngine>
{
    [Fact]
    public void A_compose_file_and_a_network_file()
    {
        DockerEngine.Required();
        Needs.Program("docker-compose");
        using FollowedLab lab = new(docker, "");
        string compose = Repository.PathOf("examples/lab/conlink1-compose.yaml");
        Prepare(lab, "seed2");
        try
        {
            Compose(lab, compose, "up", "-d");
            lab.Start("--compose-file", compose, "--network-file", Repository.PathOf("examples/lab/conlink1-network.yaml"), "--compose-project", lab.Name);
            lab.Says("All links connected");
            lab.Says("Reached healthy state");

            Exec(lab, compose, "node1", "ping", "-c", "1", "-w", "30", "10.0.1.2");
            Exec(lab, compose, "node2", "ping", "-c", "1", "-w", "30", "8.8.8.8");
        }
        finally
        {
            Compose(lab, compose, "down", "-t", "1");
        }
    }

    [Fact]
    public void A_network_file_and_a_container_that_was_started_by_hand()
    {
        DockerEngine.Required();
        using FollowedLab lab = new(docker, "");
        Prepare(lab, "seed3");
        lab.Variables["NODE_NAME"] = lab.First;
        docker.Docker("run", "-d", "--name", lab.First, "--network", "none", "--cap-add", "NET_ADMIN", "--stop-timeout", "1", "busybox", "sleep", "1000").Check();

        lab.Start("--network-file", Repository.PathOf("examples/lab/conlink1-node.yaml"));

        lab.Says("All links connected");
        docker.Docker("exec", lab.First, "ping", "-c", "1", "-w", "30", "8.8.8.8").Check();
    }

    // Two tests on one host need a switch each. Where there are no dummies, a bridge without ports holds the address as well.
    private void Prepare(FollowedLab lab, string name)
    {
        lab.Variables["SWITCH"] = name;
        lab.Variables["NETWORK_NAME"] = $"{name}-network";
        bool dummies = docker.Host.Run("ip", "link", "add", "probe", "type", "dummy").ExitCode == 0;
        if (dummies)
            docker.Host.Run("ip", "link", "del", "probe").Check();
        else
            lab.Variables["DUMMY"] = "bridge";
    }

    private void Exec(FollowedLab lab, string file, string service, params string[] command) => Compose(lab, file, ["exec", "-T", service, .. command]);

    private void Compose(FollowedLab lab, string file, params string[] arguments) =>
        docker.Host.Run(["docker-compose", "-p", lab.Name, "-f", file, .. arguments], null, docker.Variables, TimeSpan.FromMinutes(3)).Check();
}
