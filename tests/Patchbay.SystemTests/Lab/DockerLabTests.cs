using Patchbay.SystemTests.Engines;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Tools;

namespace Patchbay.SystemTests.Lab;

/// <summary>Containers of a real Docker engine and services of a real docker-compose, linked by a lab that follows them.</summary>
public sealed class DockerLabTests(DockerEngine docker) : IClassFixture<DockerEngine>
{
    [Fact]
    public void Named_containers_are_linked_when_they_start_and_again_after_a_restart()
    {
        DockerEngine.Required();
        using FollowedLab lab = new(docker, """
            links:
              - {container: "${NODE_NAME_1}", bridge: s1, dev: ext, ip: 10.0.1.1/16}
              - {container: "${NODE_NAME_2}", bridge: s1, dev: ext, ip: 10.0.1.2/16}
            commands:
              - {container: "${NODE_NAME_1}", command: "echo linked $(cat /sys/class/net/ext/address)"}
            """);
        lab.Start();
        lab.Says("still waiting for");

        Run(lab.First);
        Run(lab.Second);
        lab.Says("All links connected");

        docker.Docker("exec", lab.First, "ping", "-c", "1", "-W", "10", "10.0.1.2").Check();
        lab.Says($"{lab.First}: linked c2:");
        string mac = Mac(lab.First);
        docker.Docker("restart", "-t", "1", lab.First).Check();
        lab.Says($"{lab.First}: links connected", times: 2);
        Assert.Equal(mac, Mac(lab.First));
        docker.Docker("exec", lab.Second, "ping", "-c", "1", "-W", "10", "10.0.1.1").Check();

        docker.Docker("kill", lab.Second).Check();
        docker.Docker("start", lab.Second).Check();
        lab.Says($"{lab.Second}: links connected", times: 2);
        docker.Docker("exec", lab.Second, "ping", "-c", "1", "-W", "10", "10.0.1.1").Check();
    }

    [Fact]
    public void A_lab_that_is_killed_and_started_again_adopts_what_it_finds()
    {
        DockerEngine.Required();
        using FollowedLab lab = new(docker, """
            links:
              - {container: "${NODE_NAME_1}", bridge: s2, dev: ext, ip: 10.0.1.1/16}
              - {container: "${NODE_NAME_2}", bridge: s2, dev: ext, ip: 10.0.1.2/16}
            """);
        Run(lab.First);
        Run(lab.Second);
        lab.Start();
        lab.Says("All links connected");
        string index = docker.Docker("exec", lab.First, "cat", "/sys/class/net/ext/ifindex").Check().StandardOutput;

        lab.Kill();
        docker.Docker("restart", "-t", "1", lab.Second).Check();
        lab.Start();
        lab.Says("All links connected");

        Assert.Equal(index, docker.Docker("exec", lab.First, "cat", "/sys/class/net/ext/ifindex").Check().StandardOutput);
        docker.Docker("exec", lab.First, "ping", "-c", "1", "-W", "10", "10.0.1.2").Check();
        lab.Kill();
        lab.Down();
        Assert.NotEqual(0, docker.Docker("exec", lab.First, "ip", "link", "show", "ext").ExitCode);
        Assert.False(docker.Host.HasLink("s2"));
    }

    [Fact]
    public void A_container_that_never_comes_ends_the_wait()
    {
        DockerEngine.Required();
        using FollowedLab lab = new(docker, "links: [{container: \"${NODE_NAME_1}\", bridge: s3}]");

        CommandResult up = lab.RunUp("--timeout", "1", "--detach");

        Assert.Equal(1, up.ExitCode);
        Assert.Contains($"still waiting for {lab.First} after", up.StandardError, StringComparison.Ordinal);
        Assert.False(docker.Host.HasLink("s3"));
    }

    [Fact]
    public void A_detached_lab_follows_in_the_background_until_down()
    {
        DockerEngine.Required();
        using FollowedLab lab = new(docker, "links: [{container: \"${NODE_NAME_1}\", bridge: s4, ip: 10.0.4.1/24}]");
        Run(lab.First);

        CommandResult up = lab.RunUp("--detach").Check();

        Assert.Contains("All links connected", up.StandardOutput, StringComparison.Ordinal);
        docker.Docker("restart", "-t", "1", lab.First).Check();
        Wait.Until("the restarted container's link", () => docker.Docker("exec", lab.First, "ip", "addr", "show", "eth0").StandardOutput.Contains("10.0.4.1/24", StringComparison.Ordinal));
        lab.Down();
        Assert.False(docker.Host.HasLink("s4"));
        Assert.False(Directory.Exists($"/run/patchbay/lab/{lab.Name}"));
    }

    [Fact]
    public void Services_of_docker_compose_and_their_replicas()
    {
        DockerEngine.Required();
        Needs.Program("docker-compose");
        using FollowedLab lab = new(docker, File.ReadAllText(Repository.PathOf("examples/lab/compose.yaml")), "compose.yaml");
        try
        {
            Compose(lab, "up", "-d");
            lab.Start("--compose-project", lab.Name);
            lab.Says("All links connected");

            Ping(lab, "node", 1, "10.0.1.2");
            Ping(lab, "node", 2, "8.8.8.8");
            Compose(lab, "up", "-d", "--scale", "node=4", "--no-recreate");
            lab.Says("node_4: links connected");
            Ping(lab, "node", 2, "10.0.1.4");
            Compose(lab, "up", "-d", "--scale", "node=1", "--no-recreate", "-t", "1");
            Ping(lab, "node", 1, "8.8.8.8");
        }
        finally
        {
            Compose(lab, "down", "-t", "1");
        }
    }

    private void Ping(FollowedLab lab, string service, int index, string address) =>
        docker.Docker("exec", docker.Docker("ps", "-q", "--filter", $"label=com.docker.compose.project={lab.Name}", "--filter", $"label=com.docker.compose.service={service}", "--filter", $"label=com.docker.compose.container-number={index}").Check().StandardOutput.Trim(),
            "ping", "-c", "1", "-W", "10", address).Check();

    private void Compose(FollowedLab lab, params string[] arguments) =>
        docker.Host.Run(["docker-compose", "-p", lab.Name, "-f", lab.File, .. arguments], null, docker.Variables, TimeSpan.FromMinutes(3)).Check();

    private void Run(string name) => docker.Docker("run", "-d", "--name", name, "--network", "none", "--stop-timeout", "1", "busybox", "sleep", "1000").Check();

    private string Mac(string container) => docker.Docker("exec", container, "cat", "/sys/class/net/ext/address").Check().StandardOutput;
}
