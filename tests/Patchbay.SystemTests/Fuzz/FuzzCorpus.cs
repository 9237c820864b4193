using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Fuzz;

/// <summary>Valid configurations of every plugin, between them with every key: what is mutated begins here. The file is corpus.json.</summary>
internal static class FuzzCorpus
{
    private static readonly JsonObject File = JsonNode.Parse(
        System.IO.File.ReadAllText(Path.Combine(Repository.Root, "tests/Patchbay.SystemTests/Fuzz/corpus.json")))!.AsObject();

    /// <summary>The plugins that are fuzzed: all, or the one that PATCHBAY_FUZZ_PLUGIN names.</summary>
    public static IEnumerable<string> Plugins => Environment.GetEnvironmentVariable("PATCHBAY_FUZZ_PLUGIN") is { Length: > 0 } only ? [only] : File["plugins"]!.AsObject().Select(each => each.Key);

    /// <summary>The configurations of a plugin, with a world's places in them.</summary>
    public static IEnumerable<JsonNode> Of(string plugin, string data, string netns) =>
        File["plugins"]![plugin]!.AsArray().Select(each => JsonNode.Parse(With(each!, data, netns))!);

    /// <summary>Plugins that make an interface get one of their own; the others work on the one that the container has.</summary>
    public static bool IsChained(string plugin) => File["plugins"]![plugin]![0]!.AsObject().ContainsKey("prevResult");

    /// <summary>Plugins whose valid configurations fail where the kernel lacks the kind of interface, VLANs of bridges or SELinux, nobody answers, or the one before took the routes.</summary>
    public static bool MayFail(string plugin, string config) => plugin is "vlan" or "ipvlan" or "dummy" or "vrf" or "dhcp" or "sbr" || Has(config, "\"vlanTrunk\"") || Has(config, "\"selinuxContext\"");

    /// <summary>What a plugin leaves as it should: bridges, tables and base chains of packet filters, and what routes follow from them.</summary>
    public static bool StaysOnPurpose(string plugin, string fact) => plugin switch
    {
        // A bridge of any name is made and stays; so does what hangs on it.
        "bridge" or "flannel" => Has(fact, "kind=bridge") || Has(fact, "host: address") || Has(fact, "host: route"),
        // A device comes back down and without the addresses that it had; what matters is that it does.
        "host-device" => Has(fact, "host: ") && Has(fact, "uplink"),
        // Chains, the administrator's among them, and the rules of a bridge's policy stay, as with the reference.
        "firewall" => Has(fact, "nft chain") || Has(fact, "CNI firewall plugin: admin overrides") || Has(fact, "tables-save") && (Has(fact, "*filter: :") || Has(fact, "CNI firewall plugin")),
        // What all containers share stays, whichever mark it is for.
        "portmap" => Has(fact, "CNI-HOSTPORT-"),
        // A datastore that is empty again, the number that says that it has changed, and what flannel as a delegate leaves.
        "cni-wrapper-plugin" => StaysOnPurpose("flannel", fact) || fact.EndsWith(": {}", StringComparison.Ordinal) || Has(fact, "_version:") || Has(fact, "_lock:"),
        // The interface's routes go to tables of their own; DEL leaves them there, for they go with the interface.
        "sbr" or "vrf" => Has(fact, ": route"),
        _ => false,
    };

    private static bool Has(string fact, string text) => fact.Contains(text, StringComparison.Ordinal);

    private static string With(JsonNode config, string data, string netns)
    {
        string text = config.ToJsonString();
        foreach ((string name, JsonNode? shared) in File["shared"]!.AsObject())
            text = text.Replace($"\"@{name}@\"", shared!.ToJsonString(), StringComparison.Ordinal);
        return text.Replace("@DATA@", data, StringComparison.Ordinal).Replace("@NETNS@", netns, StringComparison.Ordinal);
    }
}
