using System.Text.Json;

namespace Patchbay.SystemTests.Netlink;

/// <summary>Short words for the JSON of iproute2.</summary>
internal static class JsonText
{
    /// <summary>A member's text; null when it is missing.</summary>
    internal static string? Text(this JsonElement element, string name) =>
        element.TryGetProperty(name, out JsonElement value) ? value.ToString() : null;

    internal static int Number(this JsonElement element, string name) => element.GetProperty(name).GetInt32();
}
