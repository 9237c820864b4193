namespace Patchbay.Cni.Model;

/// <summary>CNI_ARGS: <c>KEY=value;KEY=value</c>, as far as a plugin declares its keys.</summary>
public sealed class CniArgs
{
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    private CniArgs()
    {
    }

    /// <summary>Value of a key.</summary>
    /// <param name="key">The key, exactly as declared.</param>
    /// <returns>The last value given, or null.</returns>
    public string? this[string key] => _values.GetValueOrDefault(key);

    /// <summary>Reads the variable.</summary>
    /// <param name="text">Its value; null and empty mean nothing.</param>
    /// <param name="known">The keys that the plugin understands; <c>IgnoreUnknown</c> always is one.</param>
    /// <returns>The values of the known keys.</returns>
    /// <exception cref="CniException">Code 999: <c>ARGS: invalid pair "…"</c>; <c>ARGS: unknown args ["…"]</c> unless IgnoreUnknown is 1 or true.</exception>
    public static CniArgs Parse(string? text, params ReadOnlySpan<string> known)
    {
        CniArgs args = new();
        if (string.IsNullOrEmpty(text))
            return args;

        bool ignoreUnknown = false;
        List<string> unknown = [];
        foreach (string pair in text.Split(';'))
        {
            int equals = pair.IndexOf('=', StringComparison.Ordinal);
            if (equals < 0 || pair.IndexOf('=', equals + 1) >= 0)
                throw new CniException(CniError.Internal, $"ARGS: invalid pair \"{pair}\"");

            (string key, string value) = (pair[..equals], pair[(equals + 1)..]);
            if (key == "IgnoreUnknown")
                ignoreUnknown = Boolean(pair, value);
            else if (known.Contains(key))
                args._values[key] = value;
            else
                unknown.Add($"\"{pair}\"");
        }

        if (unknown.Count > 0 && !ignoreUnknown)
            throw new CniException(CniError.Internal, $"ARGS: unknown args [{string.Join(' ', unknown)}]");
        return args;
    }

    private static bool Boolean(string pair, string value) => value switch
    {
        "1" => true,
        "0" => false,
        _ when value.Equals("true", StringComparison.OrdinalIgnoreCase) => true,
        _ when value.Equals("false", StringComparison.OrdinalIgnoreCase) => false,
        _ => throw new CniException(CniError.Internal, $"ARGS: error parsing value of pair \"{pair}\": want 0, 1, true or false"),
    };
}
