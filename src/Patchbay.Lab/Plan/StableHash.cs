using System.Globalization;
using System.Text;

namespace Patchbay.Lab.Plan;

/// <summary>A number that follows from texts, the same on every machine and in every run: FNV-1a, mixed so that all bits count.</summary>
/// <remarks>Not for secrets; .NET's cryptography would need OpenSSL beside the executable.</remarks>
internal static class StableHash
{
    public static ulong Of(params ReadOnlySpan<string> parts)
    {
        var hash = 14695981039346656037UL;
        foreach (var part in parts)
        {
            foreach (var b in Encoding.UTF8.GetBytes(part))
                hash = (hash ^ b) * 1099511628211UL;
            hash = (hash ^ 0xff) * 1099511628211UL; // no byte of UTF-8: "a","b" is not "ab",""
        }

        // The finalizer of MurmurHash3: FNV's high bits depend little on the last bytes.
        hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccdUL;
        hash = (hash ^ (hash >> 33)) * 0xc4ceb9fe1a85ec53UL;
        return hash ^ (hash >> 33);
    }

    public static string Text(params ReadOnlySpan<string> parts) => Of(parts).ToString("x16", CultureInfo.InvariantCulture);
}
