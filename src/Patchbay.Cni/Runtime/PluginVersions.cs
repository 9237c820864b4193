using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Cni.Runtime;

/// <summary>What a plugin answers to VERSION.</summary>
/// <param name="Current">The version of the answer itself.</param>
/// <param name="Supported">The versions of configurations that the plugin takes, as it names them.</param>
public sealed record PluginVersions(string Current, IReadOnlyList<string> Supported)
{
    /// <summary>Whether the plugin takes a configuration of this version; the text must be the same, as plugins themselves compare it.</summary>
    /// <param name="version">For example <c>1.0.0</c>; nothing means 0.1.0.</param>
    public bool Supports(string version) => Supported.Contains(version.Length == 0 ? "0.1.0" : version);

    /// <summary>Variables that a plugin from before VERSION wants to see before it says that it does not know it.</summary>
    internal static Dictionary<string, string> Variables => new(StringComparer.Ordinal)
    {
        ["CNI_COMMAND"] = "VERSION",
        ["CNI_CONTAINERID"] = "dummy",
        ["CNI_NETNS"] = "dummy",
        ["CNI_IFNAME"] = "dummy",
        ["CNI_ARGS"] = "",
        ["CNI_PATH"] = "dummy",
    };

    /// <summary>Reads the answer.</summary>
    /// <exception cref="CniException">The plugin failed, or its answer cannot be understood.</exception>
    internal static PluginVersions Read(string type, ChildResult child)
    {
        ReadOnlyMemory<byte> output;
        try
        {
            output = PluginProcess.Output(child);
        }
        catch (CniException error) when (error.Message == "unknown CNI_COMMAND: VERSION")
        {
            return new PluginVersions("0.1.0", ["0.1.0"]);
        }

        try
        {
            JsonView root = JsonView.Parse(output, "answer");
            string current = root.String("cniVersion") is { Length: > 0 } text ? text : throw root.Error("has no \"cniVersion\"");
            if (root.Strings("supportedVersions") is { Count: > 0 } supported)
                return new PluginVersions(current, supported);
            return current == "0.2.0" ? new PluginVersions(current, ["0.1.0", "0.2.0"]) : throw root.Error("has no \"supportedVersions\"");
        }
        catch (Exception error) when (error is JsonException or CniException)
        {
            throw new CniException(CniError.Internal, $"plugin \"{type}\" gave no valid answer to VERSION: {error.Message}", inner: error);
        }
    }
}
