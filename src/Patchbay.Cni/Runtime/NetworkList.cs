using System.Text.Json;
using Patchbay.Cni.Model;

namespace Patchbay.Cni.Runtime;

/// <summary>A network: the chain of plugins that a <c>*.conflist</c> file holds.</summary>
public sealed class NetworkList
{
    private const string Prefix = "error parsing configuration list: ";

    private NetworkList(ReadOnlyMemory<byte> json, string name, string versionText, IReadOnlyList<NetworkPlugin> plugins)
    {
        Json = json;
        Name = name;
        VersionText = versionText;
        Plugins = plugins;
    }

    /// <summary>The text of the file; drop-in files are not in it.</summary>
    public ReadOnlyMemory<byte> Json { get; }

    /// <summary>Name of the network.</summary>
    public string Name { get; }

    /// <summary>The version chosen from <c>cniVersion</c> and <c>cniVersions</c>, as written; may be empty.</summary>
    public string VersionText { get; }

    /// <summary>The version chosen.</summary>
    /// <exception cref="CniException">Code 6: it is not a version.</exception>
    public SpecVersion Version => SpecVersion.Parse(VersionText);

    /// <summary>True when CHECK is to succeed without running a plugin.</summary>
    public bool DisableCheck { get; private init; }

    /// <summary>True when GC is to succeed without running a plugin.</summary>
    public bool DisableGc { get; private init; }

    /// <summary>True when the directory of drop-in files is not looked at.</summary>
    public bool LoadOnlyInlinedPlugins { get; private init; }

    /// <summary>The chain, in the order of ADD.</summary>
    public IReadOnlyList<NetworkPlugin> Plugins { get; private init; }

    /// <summary>Reads a list.</summary>
    /// <param name="json">UTF-8 JSON.</param>
    /// <returns>The list, without drop-in files.</returns>
    /// <exception cref="CniException">Code 6: not JSON. Code 7: something in it is missing or of the wrong type; the text names it.</exception>
    public static NetworkList Parse(ReadOnlyMemory<byte> json)
    {
        NetworkList list = Read(json);
        return list.Plugins.Count > 0 ? list : throw Invalid("no plugins in list");
    }

    /// <summary>Reads a file with one plugin (<c>*.conf</c>, <c>*.json</c>) as a list of one.</summary>
    /// <param name="json">UTF-8 JSON.</param>
    /// <returns>The list.</returns>
    /// <exception cref="CniException">As for <see cref="Parse"/>.</exception>
    public static NetworkList ParseSingle(ReadOnlyMemory<byte> json)
    {
        JsonView root = Root(json);
        try
        {
            NetworkPlugin plugin = new(root);
            return new NetworkList(JsonText.ListOfOne(plugin), plugin.Name, root.String("cniVersion") ?? "", [plugin]);
        }
        catch (CniException error) when (error.Code == CniError.Internal)
        {
            throw new CniException(CniError.InvalidNetworkConfig, $"error parsing configuration: {error.Message}", inner: error);
        }
    }

    /// <summary>Reads a list that may have no plugins of its own.</summary>
    internal static NetworkList Read(ReadOnlyMemory<byte> json)
    {
        JsonView root = Root(json);
        try
        {
            string name = root.String("name") is { Length: > 0 } text ? text : throw Invalid("no name");
            bool onlyInlined = Flag(root, "loadOnlyInlinedPlugins");
            if (root.Array("plugins") is null && onlyInlined)
                throw Invalid("loadOnlyInlinedPlugins is true, and no 'plugins' key");
            return new NetworkList(json, name, ChooseVersion(root), [.. (root.Array("plugins") ?? []).Select(item => new NetworkPlugin(item))])
            {
                DisableCheck = Flag(root, "disableCheck"),
                DisableGc = Flag(root, "disableGC"),
                LoadOnlyInlinedPlugins = onlyInlined,
            };
        }
        catch (CniException error) when (error.Code == CniError.Internal)
        {
            throw new CniException(CniError.InvalidNetworkConfig, Prefix + error.Message, inner: error);
        }
    }

    /// <summary>The same list in another version.</summary>
    internal NetworkList As(SpecVersion version) => new(Json, Name, version.ToString(), Plugins);

    /// <summary>The same list with more plugins at its end.</summary>
    internal NetworkList With(IEnumerable<NetworkPlugin> more) => new(Json, Name, VersionText, [.. Plugins, .. more])
    {
        DisableCheck = DisableCheck,
        DisableGc = DisableGc,
        LoadOnlyInlinedPlugins = LoadOnlyInlinedPlugins,
    };

    private static JsonView Root(ReadOnlyMemory<byte> json)
    {
        try
        {
            return JsonView.Parse(json, "configuration");
        }
        catch (Exception error) when (error is JsonException or CniException)
        {
            throw new CniException(CniError.DecodingFailure, Prefix + error.Message, inner: error);
        }
    }

    // cniVersions is for runtimes of different age: each takes the highest that it speaks. Without the key, cniVersion stands even if unknown.
    private static string ChooseVersion(JsonView root)
    {
        string? own = root.String("cniVersion");
        if (root.Array("cniVersions") is not { } entries)
            return own ?? "";

        string best = "";
        SpecVersion highest = default;
        foreach (string text in entries.Select(entry => entry.AsString()).Concat(own is null ? [] : [own]))
        {
            if (!SpecVersion.TryParse(text, out SpecVersion version))
                throw Invalid($"invalid entry \"{text}\" in cniVersions");
            if (version <= SpecVersion.Newest && version > highest)
                (best, highest) = (text, version);
        }

        return best;
    }

    // A bool, or "true" and "false" as text in any case.
    private static bool Flag(JsonView root, string name) => root.Get(name)?.Element is not { } value ? false : value.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.String when bool.TryParse(root.String(name), out bool flag) => flag,
        _ => throw Invalid($"invalid value {value.GetRawText()} for {name}: want true or false"),
    };

    private static CniException Invalid(string problem) => new(CniError.InvalidNetworkConfig, Prefix + problem);
}
