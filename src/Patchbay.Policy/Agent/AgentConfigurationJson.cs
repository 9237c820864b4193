using System.Text.Json;
using System.Text.Json.Serialization;

namespace Patchbay.Policy.Agent;

/// <summary>Reads the configuration; keys are in snake_case, comments and trailing commas are let pass.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    ReadCommentHandling = JsonCommentHandling.Skip,
    AllowTrailingCommas = true)]
[JsonSerializable(typeof(AgentConfiguration))]
internal sealed partial class AgentConfigurationJson : JsonSerializerContext;
