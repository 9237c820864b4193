using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Patchbay.Plugins.Meta.Wrapper;

/// <summary>JSON on one line, for plugins, Garden and the policy agent to read.</summary>
internal static class WrittenJson
{
    private static JsonWriterOptions Options => new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 256 };

    /// <summary>What is written, as UTF-8.</summary>
    internal static byte[] Of(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer, Options))
            write(writer);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Copies a value.</summary>
    internal static void Copy(Utf8JsonWriter writer, string key, JsonElement value)
    {
        writer.WritePropertyName(key);
        value.WriteTo(writer);
    }

    /// <summary>Whether a key is one of some, in whatever case.</summary>
    internal static bool IsOneOf(string key, params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            if (string.Equals(key, name, StringComparison.OrdinalIgnoreCase))
                return true;
        }

        return false;
    }
}
