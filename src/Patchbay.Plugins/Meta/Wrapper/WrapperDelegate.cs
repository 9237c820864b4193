using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Meta.Wrapper;

/// <summary>The plugin that makes the interface, with the configuration inside ours.</summary>
internal static class WrapperDelegate
{
    private const string Version = "cniVersion";
    private const string Name = "name";
    private const string PrevResult = "prevResult";

    private static readonly string[] Attachments = ["cni.dev/valid-attachments", "cni.dev/attachments"];

    /// <summary>The delegate for a command: its keys as they are, with our name and version where it has none, and with what the runtime tells for the command.</summary>
    internal static PluginDelegate Of(PluginRequest request, WrapperConfig config) =>
        request.Delegate(config.DelegateType, NetworkConfig.Parse(WrittenJson.Of(writer => Write(writer, request.Config, config.Delegate))));

    private static void Write(Utf8JsonWriter writer, NetworkConfig ours, JsonView keys)
    {
        writer.WriteStartObject();
        foreach (var (key, value) in keys.Pairs())
        {
            if (!WrittenJson.IsOneOf(key, PrevResult, Attachments[0], Attachments[1]) && !(WrittenJson.IsOneOf(key, Name, Version) && value.Element.ValueKind == JsonValueKind.Null))
                WrittenJson.Copy(writer, key, value.Element);
        }

        var version = keys.String(Version) ?? ours.VersionText;
        if (!keys.Has(Name))
            writer.WriteString(Name, ours.Name);
        if (!keys.Has(Version))
            writer.WriteString(Version, version);
        if (Previous(ours) is { } result && SpecVersion.TryParse(version, out var form))
        {
            writer.WritePropertyName(PrevResult);
            result.Write(writer, form); // its version may be another than ours
        }

        foreach (var key in Attachments)
        {
            if (ours.Root.Get(key) is { } value)
                WrittenJson.Copy(writer, key, value.Element);
        }

        writer.WriteEndObject();
    }

    // A broken one must not keep a container from being deleted.
    private static CniResult? Previous(NetworkConfig config)
    {
        try
        {
            return config.PrevResult is { Ips.Count: > 0 } result ? result : null;
        }
        catch (CniException)
        {
            return null;
        }
    }
}
