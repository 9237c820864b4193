using System.Text.Json;
using System.Text.RegularExpressions;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Packaging;

/// <summary>packaging/kubernetes/patchbay-cni.yaml says what it must, and asks for no more than it needs. What it starts is run in Dist/ImageTests.</summary>
public class ManifestTests
{
    internal static JsonElement DaemonSet { get; } =
        Command.Run(
        [
            "python3", "-c", "import json,sys,yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))", Repository.PathOf("packaging/kubernetes/patchbay-cni.yaml"),
        ]).Check().Json[0];

    internal static JsonElement Pod => At(DaemonSet, "spec", "template", "spec");

    internal static JsonElement Container => Assert.Single(Pod.GetProperty("containers").EnumerateArray());

    internal static string Version { get; } = Regex.Match(File.ReadAllText(Repository.PathOf("Directory.Build.props")), "<Version>(.*)</Version>").Groups[1].Value;

    internal static JsonElement At(JsonElement element, params string[] path) => path.Aggregate(element, (at, key) => at.GetProperty(key));

    [Fact]
    public void It_is_a_daemon_set_of_this_version()
    {
        Assert.Equal(("apps/v1", "DaemonSet"), (DaemonSet.GetProperty("apiVersion").GetString(), DaemonSet.GetProperty("kind").GetString()));
        Assert.Equal(
            At(DaemonSet, "spec", "selector", "matchLabels", "app.kubernetes.io/name").GetString(), At(DaemonSet, "spec", "template", "metadata", "labels", "app.kubernetes.io/name").GetString());
        Assert.Equal($"patchbay-cni:{Version}", Container.GetProperty("image").GetString());
        Assert.Equal(Version, At(DaemonSet, "metadata", "labels", "app.kubernetes.io/version").GetString());
        Assert.Equal(Version, At(DaemonSet, "spec", "template", "metadata", "labels", "app.kubernetes.io/version").GetString());
        Assert.Equal("RollingUpdate", At(DaemonSet, "spec", "updateStrategy", "type").GetString());
    }

    [Fact]
    public void It_starts_before_there_is_a_network()
    {
        Assert.True(Pod.GetProperty("hostNetwork").GetBoolean());
        Assert.Equal("Exists", Assert.Single(Pod.GetProperty("tolerations").EnumerateArray()).GetProperty("operator").GetString());
    }

    [Fact]
    public void It_has_no_rights_but_to_its_directory()
    {
        JsonElement security = Container.GetProperty("securityContext");
        Assert.False(security.GetProperty("privileged").GetBoolean());
        Assert.False(security.GetProperty("allowPrivilegeEscalation").GetBoolean());
        Assert.True(security.GetProperty("readOnlyRootFilesystem").GetBoolean());
        Assert.Equal("ALL", Assert.Single(At(security, "capabilities", "drop").EnumerateArray()).GetString());
        Assert.False(At(security, "capabilities").TryGetProperty("add", out _));
        Assert.Equal("RuntimeDefault", At(security, "seccompProfile", "type").GetString());
        Assert.False(Pod.GetProperty("automountServiceAccountToken").GetBoolean());
        foreach (string other in (string[])["hostPID", "hostIPC", "serviceAccountName", "initContainers"])
            Assert.False(Pod.TryGetProperty(other, out _), other);

        JsonElement volume = Assert.Single(Pod.GetProperty("volumes").EnumerateArray());
        Assert.Equal("/opt/cni/bin", At(volume, "hostPath", "path").GetString());
        Assert.Equal("DirectoryOrCreate", At(volume, "hostPath", "type").GetString());
        JsonElement mount = Assert.Single(Container.GetProperty("volumeMounts").EnumerateArray());
        Assert.Equal(volume.GetProperty("name").GetString(), mount.GetProperty("name").GetString());
        Assert.Equal(Container.GetProperty("args").EnumerateArray().Last().GetString(), mount.GetProperty("mountPath").GetString());
    }
}
