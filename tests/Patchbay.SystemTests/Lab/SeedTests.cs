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

    [Fact]
    public void A_container_inside_that_the_lab_has_the_engine_start()
    {
        DockerEngine.Required();
        Needs.Program("curl");
        using FollowedLab lab = new(docker, "");
        Prepare(lab, "n");
        lab.Variables["NODE_NAME"] = lab.First;
        lab.Variables["IMAGE"] = "busybox";
        lab.Variables["SERVE"] = "busybox httpd -f -h /etc -p";
        docker.Docker("run", "-d", "--name", lab.First, "--network", "none", "--cap-add", "NET_ADMIN", "--stop-timeout", "1", "busybox", "sleep", "1000").Check();

        lab.Start("--network-file", Repository.PathOf("examples/lab/conlink1-nested.yaml"));

        lab.Says("All links connected");
        docker.Docker("exec", lab.First, "ping", "-c", "1", "-w", "30", "10.0.0.100").Check();
        string served = docker.Docker("inspect", "--format", "{{.Config.Hostname}}", $"{lab.Name}-h4").Check().StandardOutput; // what docker writes into /etc/hostname
        Assert.Equal(served, Command.Run(["nsenter", $"--net=/run/netns/{lab.Name}-h1", "curl", "-sf", "--retry", "20", "--retry-connrefused", "--retry-delay", "1", "http://10.0.0.104:84/hostname"]).Check().StandardOutput);
        Assert.Equal("none", docker.Docker("inspect", "--format", "{{.HostConfig.NetworkMode}}", $"{lab.Name}-h4").Check().StandardOutput.Trim());

        // It is adopted by the next, and goes with the lab however that ended.
        string id = docker.Docker("inspect", "--format", "{{.Id}}", $"{lab.Name}-h4").Check().StandardOutput;
        lab.Kill();
        lab.Start("--network-file", Repository.PathOf("examples/lab/conlink1-nested.yaml"));
        lab.Says("All links connected");
        Assert.Equal(id, docker.Docker("inspect", "--format", "{{.Id}}", $"{lab.Name}-h4").Check().StandardOutput);
        lab.Kill();
        lab.Down();
        Assert.Equal("", docker.Docker("ps", "-aq", "--filter", $"label=patchbay.lab={lab.Name}").Check().StandardOutput);
        docker.Docker("exec", lab.First, "true").Check();
    }

    [Fact]
    public void An_image_that_is_not_there_is_told_and_nothing_is_left()
    {
        DockerEngine.Required();
        using FollowedLab lab = new(docker, "");
        Prepare(lab, "m");
        lab.Variables["NODE_NAME"] = lab.First;
        lab.Variables["IMAGE"] = "nowhere/image:1";

        CommandResult up = lab.RunUp("--network-file", Repository.PathOf("examples/lab/conlink1-nested.yaml"));

        Assert.Equal(1, up.ExitCode);
        Assert.Contains("the container \"h4\" needs the image \"nowhere/image:1\", which is not there; pull it first", up.StandardError, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFiles("/run/netns", $"{lab.Name}-*"));
        Assert.False(docker.Host.HasLink("m1"));
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
