using System.Globalization;
using System.Text.Json;
using Patchbay.Policy.Model;

namespace Patchbay.Policy.Agent.Containers;

/// <summary>Reads the datastore's text: <c>{"HANDLE": {"handle": "HANDLE", "ip": "10.255.30.4", "metadata": {"policy_group_id": "APP", …}}}</c>.</summary>
internal static class ContainerDocument
{
    /// <summary>Reads all containers that make sense, and tells of the others.</summary>
    /// <exception cref="JsonException">The text is no such document: half-written, or damaged.</exception>
    internal static List<LocalContainer> Parse(ReadOnlyMemory<byte> text, List<string> problems)
    {
        using var document = JsonDocument.Parse(text);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
            throw new JsonException($"it is {Kind(document.RootElement)} and no object of containers by handle");
        // A handle that stands there twice: the last one counts, as with every reader of such files.
        var containers = new Dictionary<string, LocalContainer>();
        foreach (JsonProperty each in document.RootElement.EnumerateObject())
        {
            if (containers.Remove(each.Name))
                problems.Add($"container \"{each.Name}\" is there twice: the last entry counts");
            if (Read(each.Name, each.Value, out string problem) is { } container)
                containers[each.Name] = container;
            else
                problems.Add($"container \"{each.Name}\" is left out: {problem}");
        }

        return [.. containers.Values.OrderBy(each => each.Handle, StringComparer.Ordinal)];
    }

    private static LocalContainer? Read(string handle, JsonElement entry, out string problem)
    {
        problem = "";
        // It becomes part of comments, log prefixes and names of chains.
        if (!PolicyRequest.IsId(handle))
            problem = "its handle is too long or has other characters than letters, digits, \"-\", \"_\", \".\" and \":\"";
        else if (entry.ValueKind != JsonValueKind.Object || Text(entry, "ip") is not { } ip)
            problem = "it has no \"ip\"";
        else if (!Ipv4.TryParse(ip, out Ipv4 address))
            problem = $"\"ip\" is \"{ip}\", which is no IPv4 address: policies are for IPv4";
        else
            return WithMetadata(new LocalContainer(handle, address), entry);
        return null;
    }

    private static LocalContainer WithMetadata(LocalContainer container, JsonElement entry)
    {
        if (!entry.TryGetProperty("metadata", out JsonElement metadata) || metadata.ValueKind != JsonValueKind.Object)
            return container;
        return container with
        {
            App = Id(metadata, "policy_group_id"),
            Space = Id(metadata, "space_id"),
            IsStaging = Text(metadata, "container_workload") == "staging",
            Ports = Ports(Text(metadata, "ports") ?? ""),
        };
    }

    // "8080, 9090"
    private static List<ushort> Ports(string text)
    {
        var ports = new List<ushort>();
        foreach (string each in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (ushort.TryParse(each, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) && port != 0 && !ports.Contains(port))
                ports.Add(port);
        }

        return ports;
    }

    // What is no id is in no policy either.
    private static string Id(JsonElement parent, string name) => Text(parent, name) is { } id && PolicyRequest.IsId(id) ? id : "";

    private static string? Text(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out JsonElement found) && found.ValueKind == JsonValueKind.String ? found.GetString() : null;

    private static string Kind(JsonElement element) => element.ValueKind.ToString().ToLowerInvariant();
}
