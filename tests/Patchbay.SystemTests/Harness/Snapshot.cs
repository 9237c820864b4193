using System.Text.Json;
using System.Text.Json.Nodes;

namespace Patchbay.SystemTests.Harness;

/// <summary>
/// The state of a host and its containers as other people's programs show it, one line a fact: links, addresses, routes, rules, packet
/// filters, neighbours of the forwarding database, files under the data directory. Two of them are equal when nothing was left behind.
/// </summary>
internal sealed class Snapshot
{
    private readonly SortedSet<string> _facts = new(StringComparer.Ordinal);

    /// <param name="host">The host; its containers are included.</param>
    /// <param name="except">Links that do not count, with their addresses and routes: a bridge that the plugin leaves on purpose.</param>
    public static Snapshot Take(TestHost host, params string[] except)
    {
        var snapshot = new Snapshot();
        snapshot.AddNamespace(host, "host", except);
        foreach ((int index, TestNamespace container) in host.Containers.Index())
            snapshot.AddNamespace(container, $"container {index}", except);
        snapshot.AddFiles(host.DataDirectory);
        snapshot.AddFiles(host.CacheDirectory);
        return snapshot;
    }

    /// <summary>Fails with the facts that are only here (-) or only there (+).</summary>
    public void AssertSame(Snapshot later)
    {
        string[] difference = Difference(later);
        if (difference.Length > 0)
            Assert.Fail($"the state differs, - before, + after:\n{string.Join('\n', difference)}");
    }

    /// <summary>The facts that are only here (-) or only there (+).</summary>
    public string[] Difference(Snapshot later) =>
    [
        .. _facts.Except(later._facts).Select(fact => $"- {fact}"),
        .. later._facts.Except(_facts).Select(fact => $"+ {fact}"),
    ];

    private void AddNamespace(TestNamespace space, string where, string[] except)
    {
        foreach (JsonElement link in space.IpJson("addr show").EnumerateArray())
            AddLink(where, link, except);

        foreach (string family in (string[])["-4", "-6"])
        {
            foreach (JsonElement route in space.IpJson($"{family} route show table all").EnumerateArray())
            {
                if (!IsKernelsOwn(route) && !(route.TryGetProperty("dev", out JsonElement dev) && except.Contains(dev.GetString())))
                    Add(where, $"route {family}", Without(route, "flags", "expires"));
            }

            foreach (JsonElement rule in space.IpJson($"{family} rule show").EnumerateArray())
                Add(where, $"rule {family}", rule.GetRawText());
        }

        AddNft(where, space);
        AddIptables(where, space, "iptables-save");
        AddIptables(where, space, "ip6tables-save");
    }

    // Not the MAC address: a bridge takes that of its lowest port. Not the operational state: it follows the carrier, later.
    private void AddLink(string where, JsonElement link, string[] except)
    {
        string name = link.GetProperty("ifname").GetString()!;
        if (except.Contains(name))
            return;
        string kind = link.TryGetProperty("linkinfo", out JsonElement info) && info.TryGetProperty("info_kind", out JsonElement k) ? k.GetString()! : "";
        string master = link.TryGetProperty("master", out JsonElement m) ? m.GetString()! : "";
        bool up = link.GetProperty("flags").EnumerateArray().Any(flag => flag.GetString() == "UP");
        Add(where, "link", $"{name} kind={kind} master={master} mtu={link.GetProperty("mtu").GetInt32()} up={up}");
        foreach (JsonElement address in link.GetProperty("addr_info").EnumerateArray())
        {
            // Link-local addresses are the kernel's, and come and go with the carrier.
            if (address.GetProperty("scope").GetString() != "link")
                Add(where, "address", $"{name} {address.GetProperty("local").GetString()}/{address.GetProperty("prefixlen").GetInt32()}");
        }
    }

    // Routes that follow from an address or an interface being up: the addresses and links tell it all, at no odd moment.
    private static bool IsKernelsOwn(JsonElement route) =>
        (route.TryGetProperty("protocol", out JsonElement protocol) && protocol.GetString() == "kernel")
        || (route.TryGetProperty("type", out JsonElement type) && type.GetString() is "local" or "broadcast" or "multicast" or "anycast");

    // Every nft table but those that iptables-nft makes, which AddIptables reads in its own words.
    private void AddNft(string where, TestNamespace space)
    {
        foreach (JsonElement each in space.NftJson("list ruleset").EnumerateArray())
        {
            foreach (JsonProperty thing in each.EnumerateObject())
            {
                string? table = thing.Name == "table" ? thing.Value.GetProperty("name").GetString()
                    : thing.Value.TryGetProperty("table", out JsonElement t) ? t.GetString() : null;
                if (thing.Name == "metainfo" || IsIptablesTable(thing.Value, table))
                    continue;
                JsonNode node = JsonNode.Parse(thing.Value.GetRawText())!;
                RemoveVolatile(node);
                Add(where, $"nft {thing.Name}", node.ToJsonString());
            }
        }
    }

    private static bool IsIptablesTable(JsonElement thing, string? table) =>
        thing.GetProperty("family").GetString() is "ip" or "ip6" && table is "filter" or "nat" or "mangle" or "raw" or "security";

    private static void RemoveVolatile(JsonNode? node)
    {
        if (node is JsonObject o)
        {
            o.Remove("handle");
            if (o["counter"] is JsonObject)
                o["counter"] = true;
            foreach ((_, JsonNode? child) in o)
                RemoveVolatile(child);
        }
        else if (node is JsonArray a)
        {
            foreach (JsonNode? child in a)
                RemoveVolatile(child);
        }
    }

    // Rules and user's chains. An empty built-in chain counts for nothing: iptables-nft makes all of them with the first rule, and leaves them.
    private void AddIptables(string where, TestNamespace space, string program)
    {
        string table = "";
        foreach (string line in space.Run(program).Check().StandardOutput.Split('\n'))
        {
            if (line.StartsWith('*'))
                table = line;
            else if (line.StartsWith('-') || (line.StartsWith(':') && line.Contains(" - ", StringComparison.Ordinal)))
                Add(where, $"{program} {table}", line.StartsWith(':') ? line[..line.IndexOf(' ', StringComparison.Ordinal)] : line);
        }
    }

    // Lock files are kept on purpose: to remove one would let two holders in.
    private void AddFiles(string directory)
    {
        foreach (string file in Directory.EnumerateFiles(directory, "*", SearchOption.AllDirectories))
        {
            if (Path.GetFileName(file) is not ("lock" or ".lock") && !Path.GetFileName(file).StartsWith("last_reserved_ip.", StringComparison.Ordinal))
                Add("file", file, File.ReadAllText(file));
        }
    }

    private static string Without(JsonElement element, params string[] names)
    {
        JsonObject o = JsonNode.Parse(element.GetRawText())!.AsObject();
        foreach (string name in names)
            o.Remove(name);
        return o.ToJsonString();
    }

    private void Add(string where, string what, string fact) => _facts.Add($"{where}: {what}: {fact}");
}
