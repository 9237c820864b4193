using System.Text.Json;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Tools;

namespace Patchbay.SystemTests.Packaging.Dist;

/// <summary>The image, run by the real Docker engine as the manifest would have it run.</summary>
public sealed class ImageTests : IDisposable
{
    private readonly InstallDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void It_installs_waits_and_ends_as_the_manifest_says()
    {
        string image = Products.Image;
        Needs.Program("dockerd");

        CommandResult result = Docker(image, $$"""
            docker run --detach --name install {{Options()}} {{Arguments()}} >/dev/null
            for i in $(seq 600); do
                "$0" install --check "$1" >/dev/null && break
                sleep 0.1
            done
            test "$(docker inspect --format '{{"{{.State.Running}}"}}' install)" = true
            docker stop --time 30 install >/dev/null
            docker logs install
            docker inspect --format 'status {{"{{.State.ExitCode}}"}}' install
            """).Check();

        Assert.Matches("bridge +new", result.StandardOutput);
        Assert.EndsWith("status 0\n", result.StandardOutput, StringComparison.Ordinal);
        _directory.AssertWhole();
    }

    [Fact]
    public void Without_arguments_it_installs_once_and_what_is_another_s_stays()
    {
        string image = Products.Image;
        Needs.Program("dockerd");
        _directory.Foreign("bridge");

        CommandResult result = Docker(image, $"""
            docker run --rm {Options()} && exit 3
            rm "$1/bridge"
            docker run --rm {Options()}
            docker run --rm {Options()} --check --json /host/opt/cni/bin
            """).Check();

        Assert.Contains("others: bridge", result.StandardError, StringComparison.Ordinal);
        Assert.Contains("\"ok\":true", result.StandardOutput, StringComparison.Ordinal);
        _directory.AssertWhole();
    }

    // What the manifest asks of a container engine, in Docker's words.
    private static string Options()
    {
        JsonElement container = ManifestTests.Container, security = container.GetProperty("securityContext");
        string mount = Assert.Single(container.GetProperty("volumeMounts").EnumerateArray()).GetProperty("mountPath").GetString()!;
        List<string> options =
        [
            "--network none", "--cgroup-parent \"$PATCHBAY_CGROUP_PARENT\"", $"--user {security.GetProperty("runAsUser")}:{security.GetProperty("runAsGroup")}",
            $"--volume \"$1\":{mount}", "--security-opt no-new-privileges", $"--memory {ManifestTests.At(container, "resources", "limits", "memory").GetString()!.Replace("Mi", "m", StringComparison.Ordinal)}",
        ];
        if (security.GetProperty("readOnlyRootFilesystem").GetBoolean())
            options.Add("--read-only");
        foreach (JsonElement dropped in ManifestTests.At(security, "capabilities", "drop").EnumerateArray())
            options.Add($"--cap-drop {dropped.GetString()}");
        return $"{string.Join(' ', options)} {container.GetProperty("image").GetString()}";
    }

    private static string Arguments() => string.Join(' ', ManifestTests.Container.GetProperty("args").EnumerateArray().Select(argument => argument.GetString()));

    private CommandResult Docker(string image, string script) =>
        Command.Run(
            [
                Repository.PathOf("hack/with-docker"), "bash", "-euc", $"docker load --quiet --input \"$2\" >/dev/null\n{script}", InstallDirectory.Program, _directory.Bin, image,
            ],
            limit: Command.DefaultLimit * 3);
}
