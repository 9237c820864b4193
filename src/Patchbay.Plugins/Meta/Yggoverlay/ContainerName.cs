using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Meta.Yggoverlay;

/// <summary>Finds the name that a container's address is derived from. Every runtime tells it in another place, or not at all; docs/yggoverlay.md, "The name".</summary>
internal static class ContainerName
{
    private const int IdentifierLength = 64; // of a container of nerdctl's, in hexadecimal
    private const string PodAnnotations = "io.kubernetes.cri.pod-annotations";

    // Of nerdctl's data with containerd at its usual socket: the first 8 digits of the SHA-256 of the socket's path.
    private const string NerdctlContainers = "/var/lib/nerdctl/1935db59/containers";
    private const string ContainerdBundles = "/run/containerd/io.containerd.runtime.v2.task";
    private const int LongestFile = 4 << 20;

    /// <summary>The name, and where it was found.</summary>
    /// <exception cref="CniException">Code 7: there is none, or one that cannot be one.</exception>
    internal static (string Name, string Source) Find(PluginRequest request, YggoverlayConfig config)
    {
        foreach (var (source, look) in Sources(request, config))
        {
            if (look() is not { Length: > 0 } name)
                continue;
            return MeshAddress.ProblemOf(name) is not { } problem ? (name, source)
                : throw new CniException(CniError.InvalidNetworkConfig, $"yggoverlay: the name of the container, from {source}, cannot be used: {problem}. Give the container another one");
        }

        throw new CniException(CniError.InvalidNetworkConfig, "yggoverlay: the container has no name that its address could be derived from: start it with --hostname, pass YGG_HOSTNAME=NAME in CNI_ARGS, or set \"missingName\" to \"containerid\"");
    }

    private static IEnumerable<(string Source, Func<string?> Look)> Sources(PluginRequest request, YggoverlayConfig config)
    {
        var arguments = Parse(request.Args);
        yield return ("\"hostname\"", () => config.HostName);
        yield return ("annotation yggoverlay/hostname", () => request.Config.RuntimeConfig?.Object(PodAnnotations)?.String("yggoverlay/hostname"));
        yield return ("label yggHostname", () => Label(request.Config.Args));
        yield return ("CNI_ARGS YGG_HOSTNAME", () => arguments.GetValueOrDefault("YGG_HOSTNAME"));
        yield return ("CNI_ARGS NERDCTL_CNI_DHCP_HOSTNAME", () => arguments.GetValueOrDefault("NERDCTL_CNI_DHCP_HOSTNAME"));
        yield return ("CNI_ARGS K8S_POD_NAME", () => Pod(arguments));
        yield return ("nerdctl's hostname file", () => NerdctlHostName(request.ContainerId));
        yield return ("the OCI bundle", () => BundleHostName(request.ContainerId));
        if (config.NameById)
            yield return ("CNI_CONTAINERID", () => request.ContainerId);
    }

    /// <summary>CNI_ARGS as it comes: no quoting, keys in any order, ours or not, values that may be empty or have an equals sign.</summary>
    internal static Dictionary<string, string> Parse(string arguments)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var pair in arguments.Split(';', StringSplitOptions.RemoveEmptyEntries))
        {
            var equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0)
                values[pair[..equals]] = pair[(equals + 1)..];
        }

        return values;
    }

    // Two pods of one name live in two namespaces; Podman gives a pod no namespace, or its own name for one.
    private static string? Pod(Dictionary<string, string> arguments)
    {
        var name = arguments.GetValueOrDefault("K8S_POD_NAME");
        var space = arguments.GetValueOrDefault("K8S_POD_NAMESPACE");
        return string.IsNullOrEmpty(name) || string.IsNullOrEmpty(space) || space == name ? name : $"{name}.{space}";
    }

    private static string? Label(JsonView? args)
    {
        foreach (var label in args?.Array("labels") ?? [])
        {
            if (label.String("key") == "yggHostname")
                return label.String("value");
        }

        return null;
    }

    // CNI_CONTAINERID of nerdctl's: NAMESPACE-ID. The namespace may have hyphens, the id has none.
    private static string? NerdctlHostName(string containerId)
    {
        var hyphen = containerId.Length - IdentifierLength - 1;
        if (hyphen < 1 || containerId[hyphen] != '-')
            return null;
        return Read(Path.Combine(NerdctlContainers, containerId[..hyphen], containerId[(hyphen + 1)..], "hostname")) is { } bytes
            ? System.Text.Encoding.UTF8.GetString(bytes).TrimEnd('\n') : null;
    }

    // Of containerd's clients: NAMESPACE-ID too, but ids may have hyphens.
    private static string? BundleHostName(string containerId)
    {
        for (var hyphen = containerId.IndexOf('-', StringComparison.Ordinal); hyphen > 0; hyphen = containerId.IndexOf('-', hyphen + 1))
        {
            if (Read(Path.Combine(ContainerdBundles, containerId[..hyphen], containerId[(hyphen + 1)..], "config.json")) is not { } bytes)
                continue;
            try
            {
                var bundle = JsonView.Parse(bytes, "bundle");
                return bundle.String("hostname") is { Length: > 0 } name ? name : bundle.Object("annotations")?.String("nerdctl/hostname");
            }
            catch (Exception error) when (error is JsonException or CniException)
            {
                return null; // somebody else's file, of which only a name is wanted
            }
        }

        return null;
    }

    private static byte[]? Read(string path)
    {
        try
        {
            var file = new FileInfo(path);
            return file is { Exists: true, Length: < LongestFile } ? File.ReadAllBytes(path) : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
