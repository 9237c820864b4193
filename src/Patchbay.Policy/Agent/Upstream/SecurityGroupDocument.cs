using System.Globalization;
using System.Text.Json;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Policy.Agent.Upstream;

/// <summary>Reads security groups of the internal API, whose rules are JSON text inside: <c>[{"protocol":"tcp","destination":"10.0.0.0/8","ports":"80,443","log":true}]</c>.</summary>
internal static class SecurityGroupDocument
{
    private const byte AnyIcmp = 255;

    /// <summary>Reads a page.</summary>
    /// <returns>The groups, and where the next page begins; 0 for nowhere.</returns>
    /// <exception cref="JsonException">It is no such document.</exception>
    internal static (List<SecurityGroupRules> Groups, long Next) Parse(ReadOnlyMemory<byte> text, List<string> problems)
    {
        using var document = JsonDocument.Parse(text);
        JsonElement root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("security_groups", out JsonElement list) || list.ValueKind is not (JsonValueKind.Array or JsonValueKind.Null))
            throw new JsonException("it has no list \"security_groups\"");
        var groups = new List<SecurityGroupRules>();
        foreach (JsonElement each in list.ValueKind == JsonValueKind.Array ? list.EnumerateArray() : default)
        {
            string guid = Text(each, "guid") ?? throw new JsonException("a security group has no \"guid\"");
            groups.Add(new SecurityGroupRules(guid, Rules(guid, Text(each, "rules") ?? "[]", problems))
            {
                StagingDefault = Truth(each, "staging_default"),
                RunningDefault = Truth(each, "running_default"),
                StagingSpaces = Texts(each, "staging_space_guids"),
                RunningSpaces = Texts(each, "running_space_guids"),
            });
        }

        return (groups, root.TryGetProperty("next", out JsonElement next) && next.TryGetInt64(out long from) ? from : 0);
    }

    private static List<EgressRule> Rules(string guid, string text, List<string> problems)
    {
        var rules = new List<EgressRule>();
        try
        {
            using var document = JsonDocument.Parse(text);
            foreach (JsonElement each in document.RootElement.EnumerateArray())
            {
                if (!TryRead(each, rules))
                    problems.Add($"security group \"{guid}\": rule {each.GetRawText()} permits nothing: it is not understood, or not for IPv4");
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            problems.Add($"security group \"{guid}\": its rules are no list in JSON: {e.Message}");
        }

        return rules;
    }

    private static bool TryRead(JsonElement rule, List<EgressRule> rules)
    {
        bool log = Truth(rule, "log");
        var parts = new List<(byte Protocol, ushort First, ushort Last, byte? Code)>();
        switch (Text(rule, "protocol"))
        {
            case "all":
                parts.Add((0, 0, ushort.MaxValue, null));
                break;
            case "icmp":
                int type = Number(rule, "type"), code = Number(rule, "code");
                bool anyType = type is < 0 or AnyIcmp;
                parts.Add((AppPolicy.Icmp, anyType ? (ushort)0 : (ushort)(byte)type, anyType ? AnyIcmp : (ushort)(byte)type, anyType || code is < 0 or AnyIcmp ? null : (byte)code));
                break;
            case "tcp" or "udp":
                byte protocol = Text(rule, "protocol") == "tcp" ? AppPolicy.Tcp : AppPolicy.Udp;
                foreach (string each in (Text(rule, "ports") ?? "").Split(',', StringSplitOptions.TrimEntries))
                {
                    string[] ends = each.Split('-', StringSplitOptions.TrimEntries);
                    if (ends.Length > 2 || Port(ends[0]) is not { } first || Port(ends[^1]) is not { } last || last < first)
                        return false;
                    parts.Add((protocol, first, last, null));
                }

                break;
            default:
                return false;
        }

        foreach (string each in (Text(rule, "destination") ?? "").Split(',', StringSplitOptions.TrimEntries))
        {
            if (Network(each) is not { } network)
                return false;
            foreach ((byte protocol, ushort first, ushort last, byte? code) in parts)
                rules.Add(new EgressRule(network.First, network.Last, protocol, first, last, code, log));
        }

        return true;
    }

    // 10.0.0.1, 10.0.0.0/8, 10.0.0.1-10.0.0.9
    private static (Ipv4 First, Ipv4 Last)? Network(string text)
    {
        string[] range = text.Split('-', StringSplitOptions.TrimEntries);
        if (range.Length == 2)
            return Ipv4.TryParse(range[0], out Ipv4 from) && Ipv4.TryParse(range[1], out Ipv4 to) && from.Number <= to.Number ? (from, to) : null;
        string[] prefix = text.Split('/');
        if (prefix.Length > 2 || !Ipv4.TryParse(prefix[0], out Ipv4 address))
            return null;
        int bits = 32;
        if (prefix.Length == 2 && (!int.TryParse(prefix[1], NumberStyles.None, CultureInfo.InvariantCulture, out bits) || bits > 32))
            return null;
        uint mask = bits == 0 ? 0 : uint.MaxValue << (32 - bits);
        return (new Ipv4(address.Number & mask), new Ipv4(address.Number | ~mask));
    }

    private static ushort? Port(string text) => ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) && port != 0 ? port : null;

    private static int Number(JsonElement parent, string name) => parent.TryGetProperty(name, out JsonElement found) && found.ValueKind == JsonValueKind.Number && found.TryGetInt32(out int number) ? number : -1;

    private static bool Truth(JsonElement parent, string name) => parent.TryGetProperty(name, out JsonElement found) && found.ValueKind == JsonValueKind.True;

    private static string? Text(JsonElement parent, string name) => parent.TryGetProperty(name, out JsonElement found) && found.ValueKind == JsonValueKind.String ? found.GetString() : null;

    private static List<string> Texts(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out JsonElement found) && found.ValueKind == JsonValueKind.Array ? [.. found.EnumerateArray().Select(each => each.GetString() ?? "")] : [];
}
