namespace Patchbay.Policy.Server;

/// <summary>The description of the external API (OpenAPI 3.0), which is openapi.json beside this file.</summary>
internal static class OpenApiDocument
{
    internal static byte[] Bytes { get; } = Load();

    private static byte[] Load()
    {
        using Stream stream = typeof(OpenApiDocument).Assembly.GetManifestResourceStream("openapi.json")!;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
