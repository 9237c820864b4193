using System.Buffers;
using System.Text.Json;
using Patchbay.Cni.Model;

namespace Patchbay.Cni.Runtime;

/// <summary>Composes the configurations that plugins read.</summary>
internal static class JsonText
{
    /// <summary>What the runtime adds to a plugin's object.</summary>
    internal sealed record Additions(CniResult? PrevResult = null, IReadOnlyDictionary<string, JsonElement>? CapabilityArgs = null, IReadOnlyList<CniAttachment>? Valid = null);

    // {"name", "cniVersion", …the plugin's own keys…, "runtimeConfig", "prevResult", "cni.dev/…"}
    internal static ReadOnlyMemory<byte> ForPlugin(NetworkList list, NetworkPlugin plugin, Additions add) => Write(writer =>
    {
        List<string> capabilities = [.. plugin.Capabilities.Where(name => add.CapabilityArgs?.ContainsKey(name) == true).Distinct()];
        writer.WriteStartObject();
        writer.WriteString("name"u8, list.Name);
        writer.WriteString("cniVersion"u8, list.VersionText);
        foreach ((string name, JsonView value) in plugin.Root.Pairs())
            if (!IsOurs(name, capabilities.Count > 0))
                Raw(writer, name, value.Element);

        if (capabilities.Count > 0)
        {
            writer.WriteStartObject("runtimeConfig"u8);
            foreach (string name in capabilities)
                Raw(writer, name, add.CapabilityArgs![name]);
            writer.WriteEndObject();
        }

        if (add.PrevResult is { } result)
        {
            writer.WritePropertyName("prevResult"u8);
            result.Write(writer, list.Version);
        }

        if (add.Valid is { } valid)
        {
            // The specification's key, and the one of an earlier text of it that plugins may still read.
            Attachments(writer, "cni.dev/attachments", valid);
            Attachments(writer, "cni.dev/valid-attachments", valid);
        }

        writer.WriteEndObject();
    });

    internal static ReadOnlyMemory<byte> ListOfOne(NetworkPlugin plugin) => Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("cniVersion"u8, plugin.Root.String("cniVersion") ?? "");
        writer.WriteString("name"u8, plugin.Name);
        writer.WriteStartArray("plugins"u8);
        writer.WriteRawValue(plugin.Root.Element.GetRawText(), skipInputValidation: true);
        writer.WriteEndArray();
        writer.WriteEndObject();
    });

    internal static ReadOnlyMemory<byte> Write(Action<Utf8JsonWriter> write)
    {
        ArrayBufferWriter<byte> buffer = new(1024);
        using (Utf8JsonWriter writer = new(buffer, JsonFormat.Compact))
            write(writer);
        return buffer.WrittenMemory;
    }

    internal static void Raw(Utf8JsonWriter writer, string name, JsonElement value)
    {
        writer.WritePropertyName(name);
        writer.WriteRawValue(value.GetRawText(), skipInputValidation: true);
    }

    private static bool IsOurs(string name, bool capabilities) =>
        name.Equals("name", StringComparison.OrdinalIgnoreCase)
        || name.Equals("cniVersion", StringComparison.OrdinalIgnoreCase)
        || name.Equals("prevResult", StringComparison.OrdinalIgnoreCase)
        || (capabilities && name.Equals("runtimeConfig", StringComparison.OrdinalIgnoreCase))
        || name.StartsWith("cni.dev/", StringComparison.OrdinalIgnoreCase);

    private static void Attachments(Utf8JsonWriter writer, string key, IReadOnlyList<CniAttachment> valid)
    {
        writer.WriteStartArray(key);
        foreach (CniAttachment attachment in valid)
        {
            writer.WriteStartObject();
            writer.WriteString("containerID"u8, attachment.ContainerId);
            writer.WriteString("ifname"u8, attachment.IfName);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }
}
