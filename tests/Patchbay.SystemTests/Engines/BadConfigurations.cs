namespace Patchbay.SystemTests.Engines;

/// <summary>Files that a directory of configurations should not have, and does.</summary>
internal static class BadConfigurations
{
    /// <summary>Each by name: its text, what libcni says of it, and what ours does.</summary>
    public static (string Name, string Text, string TheirWords, string OurWords)[] All { get; } =
    [
        ("empty", "", "unexpected end of JSON input", "error parsing configuration list: "),
        ("broken", """{ "cniVersion": "1.0.0", "name": "broken", "plugins": [ """, "unexpected end of JSON input", "error parsing configuration list: "),
        ("nameless", """{ "cniVersion": "1.0.0", "plugins": [{ "type": "bridge" }] }""", "no name", "no name"),
        ("without-plugins", """{ "cniVersion": "1.0.0", "name": "bare", "plugins": [] }""", "no plugins in list", "no plugin configs found"),
    ];

    /// <summary>A list that is in order, but for a key of 17 MiB that nobody reads.</summary>
    public static string Huge(string list) => $$"""{ "comment": "{{new string('x', 17 << 20)}}", {{list.TrimStart()[1..]}}""";

    /// <summary>The same list under another name, with another subnet and bridge.</summary>
    public static string Other(string list, string from, string name, string subnet, string otherSubnet) => list
        .Replace($"\"{from}\"", $"\"{name}\"", StringComparison.Ordinal).Replace(subnet, otherSubnet, StringComparison.Ordinal).Replace("cni0", "cni1", StringComparison.Ordinal);
}
