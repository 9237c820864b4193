using System.Text;
using System.Text.Json;

namespace Patchbay.Cni.Model;

/// <summary>How this library writes JSON, and how deep it reads.</summary>
internal static class JsonFormat
{
    /// <summary>Deeper nesting is refused: no configuration needs it, and it is the way to exhaust a reader's stack.</summary>
    internal const int MaxDepth = 200;

    /// <summary>Four spaces, as every plugin prints; what need not be escaped stays readable, since nothing here ends up in HTML.</summary>
    internal static JsonWriterOptions Indented => new()
    {
        Indented = true,
        IndentSize = 4,
        Encoder = JsonEscaping.Instance,
        SkipValidation = true,
    };

    /// <summary>One line, for what only programs read.</summary>
    internal static JsonWriterOptions Compact => new() { Encoder = JsonEscaping.Instance, SkipValidation = true, MaxDepth = MaxDepth + 8 };

    internal static JsonDocumentOptions Reading => new() { MaxDepth = MaxDepth };

    /// <summary>The text with unpaired surrogates replaced, since the writer throws on them.</summary>
    internal static string WellFormed(string text)
    {
        for (int i = 0; i < text.Length; i++)
            if (char.IsSurrogate(text[i]))
                return Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        return text;
    }
}
