using System.Text.Json.Nodes;

namespace Patchbay.Lab.Ovs;

/// <summary>Makes bridges and ports in Open vSwitch, as ovs-vsctl(8) does: by its database, which ovs-vswitchd then follows.</summary>
/// <remarks>Bridges and ports carry their owner in <c>external_ids</c>; those of others are listed nowhere, and never changed.</remarks>
internal sealed class OpenVswitch : IDisposable
{
    /// <summary>Where ovsdb-server listens.</summary>
    public const string DefaultSocket = "/run/openvswitch/db.sock";

    private const string OwnerKey = "patchbay-lab";

    private readonly OvsdbClient _database;
    private readonly string _owner;

    private OpenVswitch(OvsdbClient database, string owner) => (_database, _owner) = (database, owner);

    /// <summary>Connects.</summary>
    /// <param name="owner">Whose bridges and ports these are: the lab.</param>
    /// <param name="socket">Path of the database's socket.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="OvsdbException">Nobody listens.</exception>
    public static async Task<OpenVswitch> ConnectAsync(string owner, string socket, CancellationToken cancellation) =>
        new(await OvsdbClient.ConnectAsync(socket, cancellation).ConfigureAwait(false), owner);

    /// <summary>The owner's bridges.</summary>
    public async Task<IReadOnlyList<OvsBridge>> ListBridgesAsync(CancellationToken cancellation)
    {
        var results = await _database.TransactAsync(
            [Select("Bridge", Owned(), "name", "datapath_type", "stp_enable", "ports"), Select("Port", [], "_uuid", "name")], cancellation).ConfigureAwait(false);
        var names = Rows(results[1]).ToDictionary(row => Uuid(row["_uuid"]), row => Text(row["name"]));
        return
        [
            .. Rows(results[0]).Select(row => new OvsBridge
            {
                Name = Text(row["name"]),
                Datapath = Text(row["datapath_type"]) is { Length: > 0 } type ? type : OvsBridge.KernelDatapath,
                SpanningTree = row["stp_enable"]!.GetValue<bool>(),
                Ports = [.. Set(row["ports"]).Select(port => names[Uuid(port)]).Where(port => port != Text(row["name"])).Order(StringComparer.Ordinal)],
            }).OrderBy(bridge => bridge.Name, StringComparer.Ordinal),
        ];
    }

    /// <summary>Makes a bridge that switches by itself (fail_mode standalone), and waits until it does: <c>ovs-vsctl add-br</c>.</summary>
    /// <exception cref="OvsdbException">There is one of that name, or ovs-vswitchd cannot make it; then nothing is left of it.</exception>
    public async Task AddBridgeAsync(OvsBridge bridge, CancellationToken cancellation)
    {
        var row = new JsonObject
        {
            ["name"] = bridge.Name,
            ["datapath_type"] = bridge.Datapath,
            ["fail_mode"] = "standalone",
            ["stp_enable"] = bridge.SpanningTree,
            ["protocols"] = new JsonArray("set", new JsonArray([.. bridge.Protocols.Select(version => (JsonNode?)version)])),
            ["ports"] = Named("port"),
            ["external_ids"] = OwnerMap(),
        };
        if (bridge.DatapathId is { } id)
            row["other_config"] = Map(("datapath-id", id));
        var operation = $"add bridge \"{bridge.Name}\" with datapath_type {bridge.Datapath}";
        var configuration = await CommitAsync(
            operation,
            [
                Absent("Bridge", bridge.Name),
                Insert("Interface", "interface", new JsonObject { ["name"] = bridge.Name, ["type"] = "internal", ["external_ids"] = OwnerMap() }),
                Insert("Port", "port", new JsonObject { ["name"] = bridge.Name, ["interfaces"] = Named("interface"), ["external_ids"] = OwnerMap() }),
                Insert("Bridge", "bridge", row),
                Mutate("Open_vSwitch", [], new JsonArray("bridges", "insert", Named("bridge"))),
            ],
            cancellation).ConfigureAwait(false);
        try
        {
            await RequireWorkingAsync(bridge.Name, operation, configuration, cancellation).ConfigureAwait(false);
        }
        catch
        {
            await UnlinkBridgeAsync(bridge.Name, CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Removes a bridge of the owner's, with its ports: <c>ovs-vsctl --if-exists del-br</c>.</summary>
    /// <returns>False when the owner has none of that name.</returns>
    public async Task<bool> DeleteBridgeAsync(string name, CancellationToken cancellation)
    {
        if (await UnlinkBridgeAsync(name, cancellation).ConfigureAwait(false) is not { } configuration)
            return false;
        await _database.AwaitConfigurationAsync(configuration, cancellation).ConfigureAwait(false);
        return true;
    }

    /// <summary>Puts a network interface into a bridge of the owner's, and waits until it is a port: <c>ovs-vsctl add-port</c>.</summary>
    /// <param name="bridge">The bridge.</param>
    /// <param name="port">The interface.</param>
    /// <param name="number">The OpenFlow port that it should get; null for any.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="OvsdbException">The owner has no such bridge, the interface is in another, or ovs-vswitchd cannot use it; then nothing is left of it.</exception>
    public async Task AddPortAsync(string bridge, string port, ushort? number, CancellationToken cancellation)
    {
        var operation = $"add port \"{port}\" to bridge \"{bridge}\"";
        if (await FindAsync("Bridge", bridge, cancellation).ConfigureAwait(false) is null)
            throw new OvsdbException($"{operation}: Open vSwitch has no such bridge of this lab");
        var row = new JsonObject { ["name"] = port, ["external_ids"] = OwnerMap() };
        if (number is { } wanted)
            row["ofport_request"] = wanted;
        var configuration = await CommitAsync(
            operation,
            [
                Absent("Port", port),
                Insert("Interface", "interface", row),
                Insert("Port", "port", new JsonObject { ["name"] = port, ["interfaces"] = Named("interface"), ["external_ids"] = OwnerMap() }),
                Mutate("Bridge", Where("name", bridge), new JsonArray("ports", "insert", Named("port"))),
            ],
            cancellation).ConfigureAwait(false);
        try
        {
            await RequireWorkingAsync(port, operation, configuration, cancellation).ConfigureAwait(false);
        }
        catch
        {
            await UnlinkPortAsync(bridge, port, CancellationToken.None).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Takes a port of the owner's out of its bridge: <c>ovs-vsctl --if-exists del-port</c>.</summary>
    /// <returns>False when the owner has none of that name.</returns>
    public async Task<bool> DeletePortAsync(string bridge, string port, CancellationToken cancellation)
    {
        if (await UnlinkPortAsync(bridge, port, cancellation).ConfigureAwait(false) is not { } configuration)
            return false;
        await _database.AwaitConfigurationAsync(configuration, cancellation).ConfigureAwait(false);
        return true;
    }

    public void Dispose() => _database.Dispose();

    // What nothing refers to any more, the database removes: the ports of a bridge, the interfaces of a port.

    private async Task<long?> UnlinkBridgeAsync(string name, CancellationToken cancellation) =>
        await FindAsync("Bridge", name, cancellation).ConfigureAwait(false) is { } uuid
            ? await CommitAsync($"delete bridge \"{name}\"", [Mutate("Open_vSwitch", [], new JsonArray("bridges", "delete", Reference(uuid)))], cancellation).ConfigureAwait(false)
            : null;

    private async Task<long?> UnlinkPortAsync(string bridge, string port, CancellationToken cancellation) =>
        await FindAsync("Port", port, cancellation).ConfigureAwait(false) is { } uuid
            ? await CommitAsync($"delete port \"{port}\" of bridge \"{bridge}\"", [Mutate("Bridge", Where("name", bridge), new JsonArray("ports", "delete", Reference(uuid)))], cancellation).ConfigureAwait(false)
            : null;

    /// <summary>Changes the database, and tells ovs-vswitchd that there is something new (next_cfg).</summary>
    /// <returns>What <c>cur_cfg</c> is when ovs-vswitchd has dealt with it.</returns>
    private async Task<long> CommitAsync(string comment, IReadOnlyList<JsonObject> operations, CancellationToken cancellation)
    {
        JsonArray results;
        try
        {
            results = await _database.TransactAsync(
                [
                    .. operations,
                    Mutate("Open_vSwitch", [], new JsonArray("next_cfg", "+=", 1)),
                    Select("Open_vSwitch", [], "next_cfg"),
                    new JsonObject { ["op"] = "comment", ["comment"] = $"patchbay: {comment}" },
                ],
                cancellation).ConfigureAwait(false);
        }
        catch (OvsdbException refusal) when (refusal.Code == "timed out") // of the operation "wait"
        {
            throw new OvsdbException($"{comment}: Open vSwitch has one of that name already", refusal);
        }
        catch (OvsdbException refusal)
        {
            throw new OvsdbException($"{comment}: {refusal.Message}", refusal);
        }

        return Rows(results[operations.Count + 1]).Single()["next_cfg"]!.GetValue<long>();
    }

    // Only the interface tells whether ovs-vswitchd could do it: a bridge of a datapath that the kernel lacks stays in the database as if all were well.
    private async Task RequireWorkingAsync(string name, string operation, long configuration, CancellationToken cancellation)
    {
        await _database.AwaitConfigurationAsync(configuration, cancellation).ConfigureAwait(false);
        var results = await _database.TransactAsync([Select("Interface", Where("name", name), "ofport", "error")], cancellation).ConfigureAwait(false);
        var row = Rows(results[0]).SingleOrDefault() ?? throw new OvsdbException($"{operation}: it is gone from the database");
        if (Set(row["error"]).FirstOrDefault() is { } error)
            throw new OvsdbException($"{operation}: {Text(error)}");
        if (Set(row["ofport"]).FirstOrDefault()?.GetValue<long>() is not >= 0)
            throw new OvsdbException($"{operation}: ovs-vswitchd cannot make it; its log says why (a kernel without the module openvswitch has only datapath_type {OvsBridge.UserDatapath})");
    }

    private async Task<string?> FindAsync(string table, string name, CancellationToken cancellation)
    {
        var results = await _database.TransactAsync([Select(table, [.. Where("name", name), .. Owned()], "_uuid")], cancellation).ConfigureAwait(false);
        return Rows(results[0]).SingleOrDefault() is { } row ? Uuid(row["_uuid"]) : null;
    }

    // Operations, RFC 7047 section 5.2; notations of values, section 5.1.

    private static JsonObject Insert(string table, string name, JsonObject row) => new() { ["op"] = "insert", ["table"] = table, ["uuid-name"] = name, ["row"] = row };

    private static JsonObject Mutate(string table, IReadOnlyList<JsonNode> where, JsonArray mutation) =>
        new() { ["op"] = "mutate", ["table"] = table, ["where"] = new JsonArray([.. where]), ["mutations"] = new JsonArray(mutation) };

    private static JsonObject Select(string table, IReadOnlyList<JsonNode> where, params IEnumerable<string> columns) =>
        new() { ["op"] = "select", ["table"] = table, ["where"] = new JsonArray([.. where]), ["columns"] = new JsonArray([.. columns.Select(column => (JsonNode?)column)]) };

    /// <summary>Fails the transaction when there is a row of that name.</summary>
    private static JsonObject Absent(string table, string name) => new()
    {
        ["op"] = "wait", ["table"] = table, ["where"] = new JsonArray([.. Where("name", name)]), ["columns"] = new JsonArray("name"), ["until"] = "==", ["rows"] = new JsonArray(), ["timeout"] = 0,
    };

    private static JsonNode[] Where(string column, string value) => [new JsonArray(column, "==", value)];

    private JsonNode[] Owned() => [new JsonArray("external_ids", "includes", OwnerMap())];

    private JsonArray OwnerMap() => Map((OwnerKey, _owner));

    private static JsonArray Map((string Key, string Value) entry) => new("map", new JsonArray(new JsonArray(entry.Key, entry.Value)));

    private static JsonArray Named(string name) => new("named-uuid", name);

    private static JsonArray Reference(string uuid) => new("uuid", uuid);

    private static IEnumerable<JsonObject> Rows(JsonNode? result) => ((JsonArray)result!["rows"]!).Select(row => (JsonObject)row!);

    /// <summary>The elements of a set; one alone is written without the set.</summary>
    private static IEnumerable<JsonNode> Set(JsonNode? value) =>
        value is JsonArray { Count: 2 } array && array[0] is JsonValue tag && tag.TryGetValue(out string? text) && text == "set" ? ((JsonArray)array[1]!).Select(each => each!) : value is null ? [] : [value];

    private static string Uuid(JsonNode? value) => ((JsonArray)value!)[1]!.GetValue<string>();

    private static string Text(JsonNode? value) => value!.GetValue<string>();
}
