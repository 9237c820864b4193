using System.Text.Json;
using Patchbay.Cni.Model;

namespace Patchbay.Cni.Runtime;

/// <summary>The form of a file in the cache: <c>cniCacheV1</c>, as libcni writes and reads it, and one key of ours, <c>incomplete</c>.</summary>
internal static class CacheEntry
{
    private const string Kind = "cniCacheV1";

    /// <summary>The text of a file.</summary>
    /// <param name="list">The network.</param>
    /// <param name="attachment">What the runtime told.</param>
    /// <param name="result">The result so far, or null.</param>
    /// <param name="complete">False while the chain of an ADD has not come to its end.</param>
    internal static ReadOnlyMemory<byte> Write(NetworkList list, Attachment attachment, CniResult? result, bool complete) => JsonText.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("kind"u8, Kind);
        writer.WriteString("containerId"u8, attachment.ContainerId);
        writer.WriteBase64String("config"u8, list.Json.Span);
        writer.WriteString("ifName"u8, attachment.IfName);
        writer.WriteString("networkName"u8, list.Name);
        writer.WriteString("netns"u8, attachment.NetnsPath);
        if (!complete)
            writer.WriteBoolean("incomplete"u8, true);
        if (attachment.Args.Count > 0)
            WriteArgs(writer, attachment.Args);
        if (attachment.CapabilityArgs.Count > 0)
        {
            writer.WriteStartObject("capabilityArgs"u8);
            foreach ((string name, JsonElement value) in attachment.CapabilityArgs)
                JsonText.Raw(writer, name, value);
            writer.WriteEndObject();
        }

        writer.WritePropertyName("result"u8);
        if (result is not null)
        {
            result.Write(writer, list.Version);
        }
        else
        {
            // Others take this for a result that names nothing, which is what there is.
            writer.WriteStartObject();
            writer.WriteString("cniVersion"u8, list.Version.ToString());
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    });

    /// <summary>Reads a file; of one of before 0.7, which holds the bare result, that is all.</summary>
    /// <param name="json">Its text.</param>
    /// <exception cref="CniException">A field is of the wrong type, or the kind is of another version.</exception>
    /// <exception cref="JsonException">It is not JSON.</exception>
    internal static CachedAttachment Read(ReadOnlyMemory<byte> json)
    {
        JsonView root = JsonView.Parse(json, "cached result");
        if (root.String("kind") is not { Length: > 0 } kind)
            return new CachedAttachment("", new Attachment { ContainerId = "", IfName = "" }, default, CniResult.Parse(json, SpecVersion.V010));
        if (kind != Kind)
            throw new CniException(CniError.Internal, $"its \"kind\" is \"{kind}\", and only {Kind} is known");

        Dictionary<string, JsonElement> capabilities = new(StringComparer.Ordinal);
        if (root.Object("capabilityArgs") is { } args)
            foreach ((string name, JsonView value) in args.Pairs())
                capabilities[name] = value.Element;
        byte[] config = Convert.FromBase64String(root.String("config") ?? "");
        CniResult? result = Result(root, config);
        string ifName = root.String("ifName") ?? "";
        Attachment attachment = new()
        {
            ContainerId = root.String("containerId") ?? "",
            IfName = ifName,
            NetnsPath = root.String("netns") ?? NamedSandbox(result, ifName),
            Args = [.. (root.Array("cniArgs") ?? []).Select(Pair)],
            CapabilityArgs = capabilities,
        };
        bool complete = root.Boolean("incomplete") != true;
        if (!complete && result is { Interfaces: [], Ips: [], Routes: [] })
            result = null;
        return new CachedAttachment(root.String("networkName") ?? "", attachment, config, result) { IsComplete = complete };
    }

    private static void WriteArgs(Utf8JsonWriter writer, IReadOnlyList<KeyValuePair<string, string>> args)
    {
        writer.WriteStartArray("cniArgs"u8);
        foreach ((string key, string value) in args)
        {
            writer.WriteStartArray();
            writer.WriteStringValue(key);
            writer.WriteStringValue(value);
            writer.WriteEndArray();
        }

        writer.WriteEndArray();
    }

    private static CniResult? Result(JsonView root, ReadOnlyMemory<byte> config)
    {
        if (root.Object("result") is not { } view)
            return null;
        string? own = view.String("cniVersion");
        SpecVersion version = !string.IsNullOrEmpty(own) ? SpecVersion.Parse(own)
            : config.IsEmpty ? SpecVersion.V010
            : SpecVersion.Parse(JsonView.Parse(config, "cached configuration").String("cniVersion"));
        return CniResult.Read(view, version);
    }

    // The libcni of Podman 4 and containerd 1.6 keeps no namespace, but the result tells it. Not one that is told by the number of a process, which may be another's by now.
    private static string NamedSandbox(CniResult? result, string ifName) => result?.Interfaces
        .FirstOrDefault(each => each.Name == ifName && each.Sandbox is { Length: > 0 } path && !path.StartsWith("/proc/", StringComparison.Ordinal))?.Sandbox ?? "";

    private static KeyValuePair<string, string> Pair(JsonView view) => view.AsArray() is [var key, var value]
        ? new(key.AsString(), value.AsString())
        : throw view.Error("must be a list of key and value");
}
