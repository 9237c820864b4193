using System.Buffers;
using System.Text.Json;

namespace Patchbay.Policy.Model;

/// <summary>Writes policies as the documents of the API show them, keys in their order.</summary>
internal static class PolicyJson
{
    // Ids, protocols and tags are ASCII that was checked when it came in, so nothing needs more escaping than JSON asks for.
    private static readonly JsonWriterOptions Options = new() { SkipValidation = true };

    /// <summary>
    /// For agents: <c>{"destination":{"id":…,"port":8080,"protocol":"tcp","tag":"0002"},"source":{"id":…,"tag":"0001"}}</c>.
    /// v1 has <c>"ports":{"start":…,"end":…}</c>; so has v0 where one number cannot say it.
    /// </summary>
    internal static byte[] Internal(StoredPolicy stored, ApiVersion version, int tagLength)
    {
        NetworkPolicy policy = stored.Policy;
        var buffer = new ArrayBufferWriter<byte>(256);
        using var writer = new Utf8JsonWriter(buffer, Options);
        writer.WriteStartObject();
        writer.WriteStartObject("destination"u8);
        writer.WriteString("id"u8, policy.Destination);
        WritePorts(writer, policy, version);
        writer.WriteString("protocol"u8, policy.Protocol);
        writer.WriteString("tag"u8, GroupTag.Format(stored.DestinationTag, tagLength));
        writer.WriteEndObject();
        writer.WriteStartObject("source"u8);
        writer.WriteString("id"u8, policy.Source);
        writer.WriteString("tag"u8, GroupTag.Format(stored.SourceTag, tagLength));
        writer.WriteEndObject();
        writer.WriteEndObject();
        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>For people and clients: <c>{"total_policies":1,"policies":[{"source":{"id":…},"destination":{"id":…,"protocol":…,"ports":{…}}}]}</c>.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="policies">The policies; those with ranges are left out of v0, which cannot say them.</param>
    /// <param name="version">The shape.</param>
    internal static void WriteList(Utf8JsonWriter writer, IReadOnlyList<NetworkPolicy> policies, ApiVersion version)
    {
        NetworkPolicy[] shown = [.. policies.Where(each => version != ApiVersion.V0 || each.IsSinglePort)];
        writer.WriteStartObject();
        writer.WriteNumber("total_policies"u8, shown.Length);
        writer.WriteStartArray("policies"u8);
        foreach (NetworkPolicy policy in shown)
        {
            writer.WriteStartObject();
            writer.WriteStartObject("source"u8);
            writer.WriteString("id"u8, policy.Source);
            writer.WriteEndObject();
            writer.WriteStartObject("destination"u8);
            writer.WriteString("id"u8, policy.Destination);
            writer.WriteString("protocol"u8, policy.Protocol);
            WritePorts(writer, policy, version);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void WritePorts(Utf8JsonWriter writer, NetworkPolicy policy, ApiVersion version)
    {
        if (version == ApiVersion.V0 && policy.IsSinglePort)
        {
            writer.WriteNumber("port"u8, policy.StartPort);
            return;
        }

        writer.WriteStartObject("ports"u8);
        writer.WriteNumber("start"u8, policy.StartPort);
        writer.WriteNumber("end"u8, policy.EndPort);
        writer.WriteEndObject();
    }
}
