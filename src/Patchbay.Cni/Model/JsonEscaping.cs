using System.Text;
using System.Text.Encodings.Web;

namespace Patchbay.Cni.Model;

/// <summary>Escapes in JSON texts what must be (RFC 8259, section 7): quotation marks, backslashes, control characters.</summary>
/// <remarks>
/// The framework's own encoders, the default one too, build tables of 65,536 characters when the first of them is used. That took a fortieth of an ADD.
/// </remarks>
public sealed unsafe class JsonEscaping : JavaScriptEncoder
{
    private JsonEscaping()
    {
    }

    /// <summary>The one that there is.</summary>
    public static JsonEscaping Instance { get; } = new();

    /// <inheritdoc/>
    public override int MaxOutputCharactersPerInputCharacter => 6; // \u0000

    /// <inheritdoc/>
    public override bool WillEncode(int unicodeScalar) => unicodeScalar is < 0x20 or '"' or '\\';

    /// <inheritdoc/>
    public override int FindFirstCharacterToEncode(char* text, int textLength)
    {
        for (var i = 0; i < textLength; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < textLength && char.IsLowSurrogate(text[i + 1]))
                i++;
            else if (WillEncode(text[i]) || char.IsSurrogate(text[i])) // half of a pair becomes U+FFFD
                return i;
        }

        return -1;
    }

    /// <inheritdoc/>
    public override int FindFirstCharacterToEncodeUtf8(ReadOnlySpan<byte> utf8Text)
    {
        for (var i = 0; i < utf8Text.Length; i++)
        {
            if (utf8Text[i] >= 0x80)
                return base.FindFirstCharacterToEncodeUtf8(utf8Text[i..]) is >= 0 and var further ? i + further : -1;
            if (WillEncode(utf8Text[i]))
                return i;
        }

        return -1;
    }

    /// <inheritdoc/>
    public override bool TryEncodeUnicodeScalar(int unicodeScalar, char* buffer, int bufferLength, out int numberOfCharactersWritten)
    {
        var to = new Span<char>(buffer, bufferLength);
        var single = unicodeScalar switch { '"' => '"', '\\' => '\\', '\b' => 'b', '\f' => 'f', '\n' => 'n', '\r' => 'r', '\t' => 't', _ => '\0' };
        numberOfCharactersWritten = 0;
        return single != '\0' ? to.TryWrite($"\\{single}", out numberOfCharactersWritten)
            : WillEncode(unicodeScalar) ? to.TryWrite($"\\u{unicodeScalar:x4}", out numberOfCharactersWritten)
            : new Rune(unicodeScalar).TryEncodeToUtf16(to, out numberOfCharactersWritten);
    }
}
