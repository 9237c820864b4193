using System.Text.Json;
using System.Text.Json.Serialization;
using Patchbay.Policy.Agent;
using Patchbay.Policy.Overlay.Agent;
using Patchbay.Policy.Overlay.Controller;
using Patchbay.Policy.Server;

namespace Patchbay.Policy.Daemon;

/// <summary>Reads configurations; keys are in snake_case, comments and trailing commas are let pass.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower,
    ReadCommentHandling = JsonCommentHandling.Skip,
    AllowTrailingCommas = true)]
[JsonSerializable(typeof(AgentConfiguration))]
[JsonSerializable(typeof(ServerConfiguration))]
[JsonSerializable(typeof(OverlayConfiguration))]
[JsonSerializable(typeof(ControllerConfiguration))]
internal sealed partial class ConfigurationJson : JsonSerializerContext;
