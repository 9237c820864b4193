using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using Patchbay.Policy.Overlay.Agent;
using Patchbay.Policy.Overlay.Controller;

namespace Patchbay.Policy.Overlay;

/// <summary>Reads the two configurations; keys are in snake_case, comments and trailing commas are let pass.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    ReadCommentHandling = JsonCommentHandling.Skip,
    AllowTrailingCommas = true)]
[JsonSerializable(typeof(ControllerConfiguration))]
[JsonSerializable(typeof(OverlayConfiguration))]
internal sealed partial class OverlayJson : JsonSerializerContext
{
    internal static T Read<T>(string path, JsonTypeInfo<T> type)
    {
        try
        {
            using FileStream file = File.OpenRead(path);
            return JsonSerializer.Deserialize(file, type) ?? throw new InvalidDataException($"{path}: it is null");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path}: {(e.Path is null or "$" ? e.Message : $"{e.Path.TrimStart('$', '.')}: {e.Message}")}", e);
        }
    }

    /// <exception cref="InvalidDataException">A file is not told, or not there.</exception>
    internal static void Require(string value, string key, string what)
    {
        if (value.Length == 0)
            throw new InvalidDataException($"{key} is not set: {what}");
        if (!File.Exists(value))
            throw new InvalidDataException($"{key}: {value} is not there; patchbay policy certs makes one for development");
    }
}
