using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>What the firewall plugin left in the kernel, as nft and iptables tell it.</summary>
internal static class FirewallState
{
    /// <summary>The elements of a set or map by their keys, in order.</summary>
    public static string[] Elements(TestHost host, string table, string set)
    {
        foreach (JsonElement each in host.NftJson($"list table {table}").EnumerateArray())
        {
            foreach (string kind in (string[])["set", "map"])
            {
                if (each.TryGetProperty(kind, out JsonElement found) && found.GetProperty("name").GetString() == set)
                    return found.TryGetProperty("elem", out JsonElement elements) ? [.. elements.EnumerateArray().Select(Key).Order(StringComparer.Ordinal)] : [];
            }
        }

        return [];
    }

    /// <summary>The rules of table filter of both families.</summary>
    public static string[] Iptables(TestHost host) =>
    [
        .. ((string[])["iptables-save", "ip6tables-save"])
            .SelectMany(program => host.Run(program, "-t", "filter").Check().StandardOutput.Split('\n'))
            .Where(line => line.StartsWith('-') || line.Contains(" - ", StringComparison.Ordinal)),
    ];

    private static string Key(JsonElement element)
    {
        if (element.ValueKind == JsonValueKind.Array)
            element = element[0];
        if (element.ValueKind == JsonValueKind.Object && element.TryGetProperty("elem", out JsonElement inner))
            element = inner.GetProperty("val");
        return element.ValueKind == JsonValueKind.Object ? string.Join(" . ", element.GetProperty("concat").EnumerateArray()) : element.GetString()!;
    }
}
