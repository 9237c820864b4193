using System.Text;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Cni.Runtime;

/// <summary>Explains what is wrong in a directory of network configurations: in which file, on which line, in which field.</summary>
/// <remarks>
/// Beyond the form of the files it looks at the plugins: are they there, do they take the version, and, where a plugin takes 1.1.0, what does
/// STATUS say of its part of the file? The latter is asked without a container and changes nothing.
/// </remarks>
public sealed class ConfigurationCheck
{
    private readonly CniRuntime? _runtime;
    private readonly List<ConfigurationProblem> _problems = [];
    private readonly Dictionary<string, (string File, NetworkList? List)> _networks = new(StringComparer.Ordinal); // by name; null: cannot be used
    private readonly Dictionary<string, PluginVersions?> _versions = new(StringComparer.Ordinal);
    private bool _listsAreKnown = true;

    private ConfigurationCheck(CniRuntime? runtime) => _runtime = runtime;

    /// <summary>Looks at everything in a directory.</summary>
    /// <param name="directory">Such as <c>/etc/cni/net.d</c>.</param>
    /// <param name="runtime">Where the plugins are; null leaves them out.</param>
    /// <returns>The problems, by file; empty when all is well.</returns>
    public static IReadOnlyList<ConfigurationProblem> Examine(string directory, CniRuntime? runtime)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        ConfigurationCheck check = new(runtime);
        check.ExamineDirectory(directory);
        return check._problems;
    }

    private void ExamineDirectory(string directory)
    {
        string[] entries;
        try
        {
            entries = [.. Directory.EnumerateFileSystemEntries(directory).Order(StringComparer.Ordinal)];
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            Add(directory, error.Message, isError: true);
            return;
        }

        string[] files = [.. entries.Where(entry => !Directory.Exists(entry))];
        foreach (string file in files.Where(NetworkDirectory.IsList).Concat(files.Where(NetworkDirectory.IsSingle))) // as in the search for a network
            ExamineFile(file);
        foreach (string other in entries)
        {
            if (Directory.Exists(other))
                ExamineDropIns(other);
            else if (!NetworkDirectory.IsList(other) && !NetworkDirectory.IsSingle(other))
                Add(other, "ignored: runtimes read *.conflist, *.conf and *.json", isError: false);
        }

        if (!files.Any(entry => NetworkDirectory.IsList(entry) || NetworkDirectory.IsSingle(entry)))
            Add(directory, "no network configurations (*.conflist, *.conf, *.json)", isError: true);
    }

    private void ExamineFile(string file)
    {
        bool isList = NetworkDirectory.IsList(file);
        if (Read(file) is not { } source)
        {
            _listsAreKnown &= !isList;
            return;
        }

        JsonView root = source.Root;
        if (isList && !root.Has("plugins") && root.Has("type"))
            source.Problem("type", "one plugin stands in a *.conflist: put it into \"plugins\": [ ], or call the file *.conf");
        else if (!isList && root.Has("plugins"))
            source.Problem("plugins", "a list of plugins stands in a file for one: call it *.conflist");

        NetworkList? list = Load(source, isList);
        if (list is not null)
            ExamineList(source, list, isList);

        string? name = list?.Name ?? (IsText(root, "name") ? root.String("name") : null);
        if (name is not null && !_networks.TryAdd(name, (file, list)) && list is not null)
            source.Warning("name", $"never used: {_networks[name].File} has the network \"{name}\" already");
    }

    // Without drop-in files, which have lines and fields of their own.
    private static NetworkList? Load(Source source, bool isList)
    {
        try
        {
            return isList ? NetworkList.Read(source.Json) : NetworkList.ParseSingle(source.Json);
        }
        catch (CniException error)
        {
            source.Problem(FieldOf(source.Root, isList), error.Message + (error.Details.Length > 0 ? $" ({error.Details})" : ""));
            return null;
        }
    }

    private void ExamineList(Source source, NetworkList list, bool isList)
    {
        if (!IsNetworkName(list.Name))
            source.Problem("name", $"\"{list.Name}\" cannot be the name of a network: want a letter or digit, then letters, digits, _ . and -");
        else if (list.Plugins.Count == 0 && DropIns(source.File, list).Length == 0)
            source.Problem("plugins", "no plugin configs found");
        if (list.VersionText.Length == 0)
            source.Warning("cniVersion", "missing, which means 0.1.0: no chains, no CHECK, no GC");
        else if (!SpecVersion.TryParse(list.VersionText, out SpecVersion version) || !SpecVersion.All.Contains(version))
            source.Problem("cniVersion", $"there is no version \"{list.VersionText}\" of CNI: {string.Join(", ", SpecVersion.All)}");

        int index = 0;
        foreach (NetworkPlugin plugin in list.Plugins)
        {
            ExaminePlugin(source, list, plugin, isList ? $"plugins[{index}]" : "");
            index++;
        }
    }

    private void ExaminePlugin(Source source, NetworkList list, NetworkPlugin plugin, string field)
    {
        if (_runtime is null)
            return;
        bool takesStatus = CheckExecutable(source, plugin.Type, $"{field}.type".TrimStart('.'), list.VersionText);
        string? ipam = null;
        try
        {
            ipam = plugin.Root.Object("ipam")?.String("type");
        }
        catch (CniException error)
        {
            source.Problem($"{field}.ipam".TrimStart('.'), Plain(error));
        }

        if (!string.IsNullOrEmpty(ipam))
            takesStatus &= CheckExecutable(source, ipam, $"{field}.ipam.type".TrimStart('.'), list.VersionText);
        if (!takesStatus)
            return;

        try
        {
            _runtime.StatusOf(list, plugin);
        }
        catch (CniException error) when (error.Code is CniError.PluginNotAvailable or CniError.LimitedConnectivity)
        {
            source.Warning(field, $"{plugin.Type} cannot take containers now: {Plain(error)}");
        }
        catch (CniException error)
        {
            source.Problem(field, $"{plugin.Type}: {Plain(error)}");
        }
    }

    // True when the plugin can be asked for its STATUS.
    private bool CheckExecutable(Source source, string type, string field, string version)
    {
        try
        {
            if (!_versions.TryGetValue(type, out PluginVersions? versions))
            {
                _versions[type] = null;
                _versions[type] = versions = _runtime!.Versions(type);
            }

            if (versions is null)
                return false; // told already
            if (!versions.Supports(version))
                source.Problem(field, $"\"{type}\" does not take version \"{version}\", only {string.Join(", ", versions.Supported)}");
            return versions.Supports("1.1.0");
        }
        catch (CniException error)
        {
            source.Problem(field, Plain(error));
            return false;
        }
    }

    private void ExamineDropIns(string directory)
    {
        string name = Path.GetFileName(directory);
        if (!_networks.TryGetValue(name, out (string File, NetworkList? List) network) || !NetworkDirectory.IsList(network.File))
        {
            if (_listsAreKnown) // one that cannot be read may have the name
                Add(directory, $"ignored: no list here has the name \"{name}\"", isError: false);
            return;
        }

        if (network.List is not { } list || !IsNetworkName(name))
            return; // told of the list already
        if (list.LoadOnlyInlinedPlugins)
        {
            Add(directory, $"ignored: {network.File} has \"loadOnlyInlinedPlugins\"", isError: false);
            return;
        }

        string[] files = DropIns(network.File, list);
        if (files.Length == 0)
            Add(directory, "no *.conf files: nothing is added to the network", isError: false);
        foreach (string file in files)
            if (Read(file) is { } source && Load(source, isList: false) is { } one)
                ExaminePlugin(source, list, one.Plugins[0], "");
    }

    private string[] DropIns(string file, NetworkList list)
    {
        try
        {
            return NetworkDirectory.DropIns(file, list);
        }
        catch (CniException error)
        {
            Add(file, Plain(error), isError: true);
            return [];
        }
    }

    private Source? Read(string file)
    {
        ReadOnlyMemory<byte> json = default;
        try
        {
            json = NetworkDirectory.ReadFile(file);
            if (json.Span.Trim(" \t\r\n"u8).IsEmpty)
            {
                Add(file, "empty", isError: true);
                return null;
            }

            JsonView root = JsonView.Parse(json, "configuration");
            JsonOutline outline = new(json.Span);
            foreach (string key in outline.Repeated)
                _problems.Add(new(file, outline.LineOf(key), key, "written more than once; the last counts", IsError: false));
            return new Source(this, file, json, root, outline);
        }
        catch (JsonException error)
        {
            // The framework's text ends in the place, which stands at the beginning of the line, counted from 1.
            int line = (int)(error.LineNumber + 1 ?? 0), cut = error.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
            string where = error.BytePositionInLine is { } column ? $" (column {ColumnOf(json.Span, line, column)})" : "";
            _problems.Add(new(file, line, "", (cut < 0 ? error.Message : error.Message[..cut]) + where, IsError: true));
            return null;
        }
        catch (CniException error)
        {
            Add(file, Plain(error), isError: true);
            return null;
        }
    }

    // The parser counts bytes from 0, people count characters from 1.
    private static int ColumnOf(ReadOnlySpan<byte> json, int line, long bytes)
    {
        for (int i = 1; i < line; i++)
            json = json[(json.IndexOf((byte)'\n') + 1)..];
        return Encoding.UTF8.GetCharCount(json[..(int)Math.Min(bytes, json.Length)]) + 1;
    }

    // Which field the loader cannot have meant otherwise.
    private static string FieldOf(JsonView root, bool isList)
    {
        if (!isList)
            return "type";
        if (!IsText(root, "name"))
            return "name";
        if (root.Get("plugins") is not { Element.ValueKind: JsonValueKind.Array } plugins)
            return "plugins";
        int bad = 0;
        foreach (JsonView plugin in plugins.AsArray())
        {
            if (plugin.Element.ValueKind != JsonValueKind.Object || !IsText(plugin, "type"))
                return $"plugins[{bad}].type";
            bad++;
        }

        return "";
    }

    private static bool IsNetworkName(string name)
    {
        try
        {
            Validation.NetworkName(name);
            return true;
        }
        catch (CniException)
        {
            return false;
        }
    }

    private static bool IsText(JsonView view, string key) => view.Get(key) is { Element.ValueKind: JsonValueKind.String } text && text.AsString().Length > 0;

    private static string Plain(CniException error) => error.Text.Replace("failed to load netconf: ", "", StringComparison.Ordinal);

    private void Add(string file, string message, bool isError) => _problems.Add(new(file, 0, "", message, isError));

    // A file, and where what is wrong in it is told.
    private sealed record Source(ConfigurationCheck Check, string File, ReadOnlyMemory<byte> Json, JsonView Root, JsonOutline Outline)
    {
        internal void Problem(string field, string message) => Check._problems.Add(new(File, Outline.LineOf(field), field, message, IsError: true));

        internal void Warning(string field, string message) => Check._problems.Add(new(File, Outline.LineOf(field), field, message, IsError: false));
    }
}
