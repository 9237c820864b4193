using System.Globalization;
using System.Text.Json;
using Patchbay.Policy.Agent.Plan;
using Patchbay.Policy.Model;

namespace Patchbay.Policy.Agent.Upstream;

/// <summary>Reads the internal API's answer: <c>{"policies":[{"source":{"id":…,"tag":"0001"},"destination":{"id":…,"protocol":"tcp","ports":{"start":…,"end":…}}}]}</c>.</summary>
/// <remarks><c>"port": 8080</c> in place of <c>ports</c> is the form of v0. A policy that makes no sense permits nothing; the others hold.</remarks>
internal static class PolicyDocument
{
    /// <exception cref="JsonException">It is no such document.</exception>
    internal static List<AppPolicy> Parse(ReadOnlyMemory<byte> text, List<string> problems)
    {
        using var document = JsonDocument.Parse(text);
        if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("policies", out JsonElement list) || list.ValueKind != JsonValueKind.Array)
            throw new JsonException("it has no list \"policies\"");
        var policies = new List<AppPolicy>(list.GetArrayLength());
        var ids = new Dictionary<string, string>(); // thousands of policies name a few hundred apps
        foreach (JsonElement each in list.EnumerateArray())
        {
            if (Read(each, out string problem) is { } policy)
                policies.Add(policy with { Source = Once(policy.Source), Destination = Once(policy.Destination) });
            else
                problems.Add($"policy {Shorten(each.GetRawText())} permits nothing: {problem}");
        }

        return policies;

        string Once(string id) => ids.TryAdd(id, id) ? id : ids[id];
    }

    /// <summary>Reads <c>"00FF"</c>; VXLAN carries 16 bits, and 0 means that there is no tag.</summary>
    internal static ushort? Tag(string? text) =>
        ushort.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort tag) && tag != 0 ? tag : null;

    private static AppPolicy? Read(JsonElement policy, out string problem)
    {
        problem = "";
        JsonElement source = Member(policy, "source"), destination = Member(policy, "destination");
        (int first, int last) = Ports(destination);
        byte protocol = Text(destination, "protocol") switch { "tcp" => AppPolicy.Tcp, "udp" => AppPolicy.Udp, _ => 0 };
        if (Text(source, "id") is not { } from || Text(destination, "id") is not { } to || !PolicyRequest.IsId(from) || !PolicyRequest.IsId(to))
            problem = "it names no source and destination";
        else if (Tag(Text(source, "tag")) is not { } tag)
            problem = $"the source's tag is \"{Text(source, "tag")}\", which is none of 16 bits";
        else if (protocol == 0)
            problem = $"the protocol is \"{Text(destination, "protocol")}\", neither tcp nor udp";
        else if (first is < 1 or > ushort.MaxValue || last is < 1 or > ushort.MaxValue || last < first)
            problem = $"the ports are {first} to {last}";
        else
            return new AppPolicy(from, tag, to, protocol, (ushort)first, (ushort)last);
        return null;
    }

    private static (int First, int Last) Ports(JsonElement destination)
    {
        JsonElement ports = Member(destination, "ports");
        if (ports.ValueKind == JsonValueKind.Object)
            return (Number(ports, "start"), Number(ports, "end"));
        int port = Number(destination, "port");
        return (port, port);
    }

    private static int Number(JsonElement parent, string name) => Member(parent, name) is { ValueKind: JsonValueKind.Number } found && found.TryGetInt32(out int number) ? number : 0;

    private static string? Text(JsonElement parent, string name) => Member(parent, name) is { ValueKind: JsonValueKind.String } found ? found.GetString() : null;

    private static JsonElement Member(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out JsonElement found) ? found : default;

    private static string Shorten(string text) => text.Length <= 200 ? text : $"{text[..200]}…";
}
