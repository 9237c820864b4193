using System.Text.Json.Serialization;

namespace Patchbay.Policy.Store;

/// <summary>What the store keeps as JSON text.</summary>
[JsonSerializable(typeof(string[]))]
internal sealed partial class StoreJson : JsonSerializerContext;
