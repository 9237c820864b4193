using System.Text.Json;
using System.Text.Unicode;

namespace Patchbay.Policy.Model;

/// <summary>Reads and checks the body of a request that creates or deletes policies.</summary>
/// <remarks>
/// Keys that are not known are skipped, as clients of other versions send some. A known key that comes twice is an error: which of the
/// two counts differs between readers of JSON (RFC 8259, 4), and a proxy may have checked the other one.
/// </remarks>
internal static class PolicyRequest
{
    private const int MaximalPort = 65535;
    private const int MaximalIdLength = 255;
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 32 };

    /// <summary>The policies of a body, in its order.</summary>
    /// <param name="body">UTF-8 JSON: <c>{"policies": [{"source": {"id": …}, "destination": {"id": …, "protocol": …, "port": …}}]}</c>.</param>
    /// <param name="version">What a destination looks like.</param>
    /// <exception cref="RequestException">400, with the reason.</exception>
    internal static List<NetworkPolicy> Read(ReadOnlyMemory<byte> body, ApiVersion version)
    {
        if (!Utf8.IsValid(body.Span))
            throw Malformed("the body is not valid UTF-8");
        try
        {
            using var document = JsonDocument.Parse(body, Options);
            JsonElement list = Member(document.RootElement, "policies", "the body");
            if (list.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null)
                throw Invalid("missing policies");
            if (list.ValueKind != JsonValueKind.Array)
                throw Malformed("policies must be an array");
            if (list.GetArrayLength() == 0)
                throw Invalid("missing policies");
            var policies = new List<NetworkPolicy>(list.GetArrayLength());
            foreach (JsonElement each in list.EnumerateArray())
                policies.Add(version == ApiVersion.V0 ? ReadV0(each) : ReadV1(each));
            return policies;
        }
        catch (JsonException e)
        {
            throw Malformed(e.Message, e);
        }
        catch (InvalidOperationException e)
        {
            // An escape such as \ud800 in a key or a text, half of a surrogate pair: no text at all.
            throw Malformed("a text is not valid Unicode", e);
        }
    }

    private static NetworkPolicy ReadV0(JsonElement policy)
    {
        Sides sides = ReadSides(policy);
        long port = Number(sides.Destination, "port", "destination.port");
        if (port is < 0 or > MaximalPort)
            throw Invalid($"invalid port {port}, must be in range 1-65535");
        if (port == 0)
            throw Invalid("missing port");
        RefuseTags(sides);
        return new NetworkPolicy(sides.SourceId, sides.DestinationId, sides.Protocol, (int)port, (int)port);
    }

    private static NetworkPolicy ReadV1(JsonElement policy)
    {
        Sides sides = ReadSides(policy);
        JsonElement ports = Member(sides.Destination, "ports", "destination");
        long start = Number(ports, "start", "destination.ports.start");
        long end = Number(ports, "end", "destination.ports.end");
        if (start > end)
            throw Invalid($"invalid port range {start}-{end}, start must be less than or equal to end");
        if (start < 0)
            throw Invalid($"invalid start port {start}, must be in range 1-65535");
        if (start == 0)
            throw Invalid("missing start port");
        if (end > MaximalPort)
            throw Invalid($"invalid end port {end}, must be in range 1-65535");
        RefuseTags(sides);
        return new NetworkPolicy(sides.SourceId, sides.DestinationId, sides.Protocol, (int)start, (int)end);
    }

    private static Sides ReadSides(JsonElement policy)
    {
        JsonElement source = Member(policy, "source", "a policy");
        JsonElement destination = Member(policy, "destination", "a policy");
        string sourceId = Id(source, "source");
        string destinationId = Id(destination, "destination");
        string protocol = Text(destination, "protocol", "destination.protocol");
        return protocol is "tcp" or "udp"
            ? new Sides(source, destination, sourceId, destinationId, protocol)
            : throw Invalid("invalid destination protocol, specify either udp or tcp");
    }

    private static void RefuseTags(Sides sides)
    {
        if (Text(sides.Source, "tag", "source.tag").Length > 0 || Text(sides.Destination, "tag", "destination.tag").Length > 0)
            throw Invalid("tags may not be specified");
    }

    /// <summary>Whether a text can be the id of a policy group: what agents may put into comments of rules and lists of a query.</summary>
    internal static bool IsId(string id)
    {
        foreach (char each in id)
        {
            if (!char.IsAsciiLetterOrDigit(each) && each is not ('-' or '_' or '.' or ':'))
                return false;
        }

        return id.Length is > 0 and <= MaximalIdLength;
    }

    private static string Id(JsonElement side, string name)
    {
        string id = Text(side, "id", $"{name}.id");
        if (id.Length == 0)
            throw Invalid($"missing {name} id");
        return IsId(id) ? id : throw Invalid($"invalid {name} id, it must be 1-{MaximalIdLength} letters, digits, \"-\", \"_\", \".\" or \":\"");
    }

    private static JsonElement Member(JsonElement parent, string name, string what)
    {
        if (parent.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null)
            return default;
        if (parent.ValueKind != JsonValueKind.Object)
            throw Malformed($"{what} must be an object");
        JsonElement found = default;
        foreach (JsonProperty each in parent.EnumerateObject())
        {
            if (!each.NameEquals(name))
                continue;
            if (found.ValueKind != JsonValueKind.Undefined)
                throw Malformed($"{what} has the key \"{name}\" more than once");
            found = each.Value;
        }

        return found;
    }

    private static string Text(JsonElement parent, string name, string path)
    {
        JsonElement value = Member(parent, name, path);
        return value.ValueKind switch
        {
            JsonValueKind.Undefined or JsonValueKind.Null => "",
            JsonValueKind.String => value.GetString()!,
            _ => throw Malformed($"{path} must be a string"),
        };
    }

    private static long Number(JsonElement parent, string name, string path)
    {
        JsonElement value = Member(parent, name, path);
        if (value.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null)
            return 0;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) ? number : throw Malformed($"{path} must be a whole number");
    }

    private static RequestException Malformed(string why, Exception? inner = null) => new(400, $"mapper: unmarshal json: {why}", inner);

    private static RequestException Invalid(string why) => new(400, $"mapper: validate policies: {why}");

    private readonly record struct Sides(JsonElement Source, JsonElement Destination, string SourceId, string DestinationId, string Protocol);
}
