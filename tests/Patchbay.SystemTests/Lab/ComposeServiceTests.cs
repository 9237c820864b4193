using Patchbay.SystemTests.Engines;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Lab;

/// <summary>The image of patchbay, built by the real <c>docker build</c>, as a service that links the others of its compose file.</summary>
public sealed class ComposeServiceTests : IClassFixture<DockerEngine>, IDisposable
{
    private readonly DockerEngine _docker;
    private readonly string _project;

    public ComposeServiceTests(DockerEngine docker)
    {
        DockerEngine.Required();
        Needs.Program("docker-compose");
        Assert.SkipUnless(File.Exists(Repository.PathOf("out/patchbay")), "needs out/patchbay; run make build");
        _docker = docker;
        // The last part of the path is the project's name.
        _project = Directory.CreateDirectory(Path.Combine(docker.Host.Directory, "pair")).FullName;
        docker.Host.Run([Repository.PathOf("hack/lab-image"), Path.Combine(docker.Host.Directory, "dist")], null, docker.Variables).Check();
    }

    public void Dispose() => Compose("down").Check();

    [Theory]
    [InlineData("patchbay lab up --compose-file /lab/compose.yaml")]
    [InlineData("/app/build/conlink.js --compose-file /lab/compose.yaml")] // as for conlink's image
    public void Services_are_linked_also_when_they_start_again(string command)
    {
        // The file of the page, whose socket is that of the machine's engine.
        string file = string.Join('\n', DocumentedCommands.Of("docs/lab/compose-service.md").Blocks.Single(block => block.Language == "yaml").Lines)
            .Replace("/var/run/docker.sock:", $"{_docker.Variables["DOCKER_HOST"]![7..]}:", StringComparison.Ordinal)
            .Replace("image: patchbay:0.1.0", "image: patchbay:latest", StringComparison.Ordinal)
            .Replace("command: patchbay lab up --compose-file /lab/compose.yaml", $"command: {command}", StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(_project, "compose.yaml"), file);

        Compose("up", "--detach").Check();
        AwaitLog("All links connected");
        Ping("left", "10.0.1.2");
        Ping("right", "10.0.1.1");
        Compose("restart", "--timeout", "0", "left").Check();
        Wait.Until("left is linked again", () => Exec("left", "ping", "-c", "1", "-W", "1", "10.0.1.2").ExitCode == 0);

        Compose("stop", "--timeout", "20", "network").Check();
        Assert.DoesNotContain("eth0", Exec("left", "ip", "-o", "link").Check().StandardOutput, StringComparison.Ordinal);
    }

    private void AwaitLog(string line) => Wait.Until($"\"{line}\" in the log", () =>
        Compose("logs", "--no-color", "network") is var log && log.StandardOutput.Contains(line, StringComparison.Ordinal)
            ? true
            : Compose("ps", "--services", "--filter", "status=running").StandardOutput.Contains("network", StringComparison.Ordinal) ? false : throw new InvalidOperationException($"the service ended:\n{log}"));

    private void Ping(string from, string address) => Exec(from, "ping", "-c", "1", "-W", "10", address).Check();

    private CommandResult Exec(string service, params string[] command) => Compose(["exec", "-T", service, .. command]);

    private CommandResult Compose(params string[] arguments) =>
        _docker.Host.Run(["docker-compose", "--project-directory", _project, "--file", $"{_project}/compose.yaml", .. arguments], null, _docker.Variables);
}
