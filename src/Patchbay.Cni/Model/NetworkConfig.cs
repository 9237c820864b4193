using System.Text.Json;

namespace Patchbay.Cni.Model;

/// <summary>The configuration that a plugin reads from its standard input.</summary>
public sealed class NetworkConfig
{
    private readonly Lazy<CniResult?> _prevResult;

    private NetworkConfig(ReadOnlyMemory<byte> json, JsonView root, string versionText, SpecVersion version, string name)
    {
        Json = json;
        Root = root;
        VersionText = versionText;
        Version = version;
        Name = name;
        _prevResult = new(ReadPrevResult);
    }

    /// <summary>The text as it came.</summary>
    public ReadOnlyMemory<byte> Json { get; }

    /// <summary>The whole object, for a plugin's own keys.</summary>
    public JsonView Root { get; }

    /// <summary><c>cniVersion</c> as written; 0.1.0 when absent.</summary>
    public string VersionText { get; }

    /// <summary><c>cniVersion</c>; 0.1.0 when absent.</summary>
    public SpecVersion Version { get; }

    /// <summary>Name of the network; never empty.</summary>
    public string Name { get; }

    /// <summary>Name of the plugin, or an empty string.</summary>
    public string Type => Root.String("type") ?? "";

    /// <summary><c>ipam</c>, or null.</summary>
    public JsonView? Ipam => Root.Object("ipam");

    /// <summary><c>ipam.type</c>, or an empty string: no IPAM.</summary>
    public string IpamType => Ipam?.String("type") ?? "";

    /// <summary><c>dns</c>; <see cref="CniDns.Empty"/> when absent.</summary>
    public CniDns Dns => CniDns.Read(Root.Object("dns"));

    /// <summary><c>ipMasq</c>; false when absent.</summary>
    public bool IpMasq => Root.Boolean("ipMasq") ?? false;

    /// <summary><c>runtimeConfig</c>: the capability arguments, or null.</summary>
    public JsonView? RuntimeConfig => Root.Object("runtimeConfig");

    /// <summary><c>args.cni</c>: the arguments of the conventions, or null.</summary>
    public JsonView? Args => Root.Object("args")?.Object("cni");

    /// <summary>The result of the plugin before (ADD) or of the whole chain (CHECK, DEL); null when there is none. Read at first use.</summary>
    /// <exception cref="CniException">Code 999: not an object, of another version than the configuration, or malformed.</exception>
    public CniResult? PrevResult => _prevResult.Value;

    /// <summary>GC: the attachments to keep. Null when the runtime told none, which is not the same as an empty list (keep nothing).</summary>
    /// <remarks>A key that is there with <c>null</c> is an empty list: so does Go write one, and CRI-O sends it when no pod is left on a network.</remarks>
    /// <exception cref="CniException">Code 999: not a list of objects, or one that does not name container and interface.</exception>
    public IReadOnlyList<CniAttachment>? ValidAttachments
    {
        get
        {
            // The first is the specification's key; the second is from an earlier text of it and still sent by runtimes.
            ReadOnlySpan<string> keys = ["cni.dev/valid-attachments", "cni.dev/attachments"];
            IReadOnlyList<JsonView>? items = Root.Array(keys[0]) ?? Root.Array(keys[1]);
            if (items is not null)
                return [.. items.Select(item => new CniAttachment(Part(item, "containerID"), Part(item, "ifname")))];
            foreach ((string name, JsonView _) in Root.Pairs())
                if (name.Equals(keys[0], StringComparison.OrdinalIgnoreCase) || name.Equals(keys[1], StringComparison.OrdinalIgnoreCase))
                    return [];
            return null;
        }
    }

    /// <summary>Reads a configuration and checks its name and the form of its version.</summary>
    /// <param name="json">UTF-8 JSON; kept, not copied.</param>
    /// <returns>The configuration.</returns>
    /// <exception cref="CniException">Code 6: not a JSON object, or a malformed version; code 7: the name is missing or has illegal characters.</exception>
    public static NetworkConfig Parse(ReadOnlyMemory<byte> json)
    {
        JsonView root;
        string? name, version;
        try
        {
            if (json.IsEmpty)
                throw new JsonException("unexpected end of JSON input: the configuration is empty");
            root = JsonView.Parse(json, "configuration");
            name = root.String("name");
            version = root.String("cniVersion");
        }
        catch (Exception error) when (error is JsonException or CniException)
        {
            throw new CniException(CniError.DecodingFailure, $"error unmarshall network config: {error.Message}", inner: error);
        }

        Validation.NetworkName(name ?? "");
        SpecVersion parsed = SpecVersion.Parse(version);
        return new NetworkConfig(json, root, string.IsNullOrEmpty(version) ? parsed.ToString() : version, parsed, name!);
    }

    // A half-named attachment would keep nothing, and GC would take a running container's things away.
    private static string Part(JsonView item, string key) => item.String(key) is { Length: > 0 } text ? text : throw item.Error($"has no {key}");

    private CniResult? ReadPrevResult()
    {
        if (Root.Object("prevResult") is not { } view)
            return null;
        string? own = view.String("cniVersion");
        if (!string.IsNullOrEmpty(own) && own != VersionText)
            throw new CniException(CniError.Internal, $"could not parse prevResult: its version \"{own}\" is not the configuration's \"{VersionText}\"");
        return ResultReader.Read(view, Version);
    }
}
