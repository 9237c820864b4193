namespace Patchbay.Lab.Schema;

/// <summary>One file of a lab, as it was read.</summary>
/// <param name="Name">Its name, for messages.</param>
/// <param name="Text">Its content.</param>
/// <param name="IsCompose">Its network is below <c>x-network</c>; the rest is docker-compose's.</param>
internal sealed record LabSource(string Name, string Text, bool IsCompose)
{
    private const long MostBytes = 32 << 20;

    /// <param name="path">The file; <c>-</c> for standard input.</param>
    /// <param name="compose">Which of both it is; null to look.</param>
    /// <exception cref="LabFileException">It cannot be read.</exception>
    public static LabSource Load(string path, bool? compose)
    {
        try
        {
            if (path != "-" && new FileInfo(path) is { Exists: true, Length: > MostBytes and var length })
                throw new LabFileException(new Position(path, 0, 0), "", $"the file has {length} bytes; {MostBytes} are possible");
            var text = path == "-" ? Console.In.ReadToEnd() : File.ReadAllText(path);
            var name = path == "-" ? "standard input" : path;
            return new LabSource(name, text, compose ?? YamlReader.Read(text, name) is { } root && (root["services"] is not null || root["x-network"] is not null));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new LabFileException(new Position(path, 0, 0), "", $"cannot read the file: {error.Message}");
        }
    }
}

/// <summary>What a lab was read from: with it the same can be read again, whatever has become of the files and the environment.</summary>
internal sealed record LabSources(IReadOnlyList<LabSource> Files, IReadOnlyList<string> Profiles, IReadOnlyDictionary<string, string?> Variables)
{
    /// <summary>Whether they say the same.</summary>
    public bool IsSameAs(LabSources other) =>
        Files.SequenceEqual(other.Files) && Profiles.SequenceEqual(other.Profiles)
        && Variables.Count == other.Variables.Count && Variables.All(each => other.Variables.TryGetValue(each.Key, out var value) && value == each.Value);
}

/// <summary>Reads the files of a lab and merges them as conlink does: compose files first, a service's own network after the common one, then network files.</summary>
internal static class LabFiles
{
    /// <exception cref="LabFileException">Anything is not as it should be; all of it is told.</exception>
    public static (LabConfig Config, LabSources Sources) Read(IReadOnlyList<LabSource> files, IReadOnlyList<string> profiles, Func<string, string?> variables)
    {
        var problems = new Problems();
        var interpolation = new Interpolation(variables, problems);
        var services = new Dictionary<string, int>(StringComparer.Ordinal);
        var disabled = new HashSet<string>(StringComparer.Ordinal);
        ConfigNode? merged = null;
        Located? name = null;
        foreach (var file in files.Where(file => file.IsCompose).Concat(files.Where(file => !file.IsCompose)))
        {
            var root = YamlReader.Read(file.Text, file.Name);
            if (root.Kind != ConfigKind.Map)
            {
                problems.Add(root.At, "", $"expected a map with {(file.IsCompose ? "\"services\" and \"x-network\"" : "\"links\"")}, found {root.Describe()}");
                continue;
            }

            root = interpolation.Apply(root);
            if (!file.IsCompose && root["x-network"] is null)
            {
                merged = Merge(merged, root);
                continue;
            }

            if (root["name"] is { Kind: ConfigKind.Text } title)
                name = new Located(title.Text, title.At);
            if (root["x-network"] is { Kind: not ConfigKind.Null } common)
                merged = Merge(merged, common);
            merged = ReadServices(root["services"], profiles, merged, services, disabled, problems);
        }

        problems.ThrowIfAny();
        merged ??= ConfigNode.Map([], new Position(files.Count > 0 ? files[0].Name : "no file", 0, 0));
        merged = MergeEqual(MergeEqual(WithoutDisabled(merged, disabled), "links", LinkKey), "bridges", node => node["bridge"]?.Text);
        var config = OldSchema.IsOld(merged) ? new OldSchema(problems, services).Read(merged) : new NetworkReader(problems, services).Read(merged);
        problems.ThrowIfAny();
        return (config with { Name = config.Name ?? name }, new LabSources(files, profiles, interpolation.Used));
    }

    private static ConfigNode? ReadServices(
        ConfigNode? services, IReadOnlyList<string> profiles, ConfigNode? merged, Dictionary<string, int> found, HashSet<string> disabled, Problems problems)
    {
        foreach (var (key, service) in services?.Entries ?? [])
        {
            if (service["profiles"] is { Kind: ConfigKind.List } wanted && !wanted.Items.Any(item => profiles.Contains(item.Text)))
            {
                disabled.Add(key.Text);
                continue;
            }

            found[key.Text] = Replicas(service);
            if (service["x-network"] is not { Kind: not ConfigKind.Null } own)
                continue;
            if (own.Kind != ConfigKind.Map)
                problems.Add(own.At, $"services.{key.Text}.x-network", $"expected a map, found {own.Describe()}");
            else
                merged = Merge(merged, OfService(OfService(own, "links", key.Text), "commands", key.Text));
        }

        return merged;
    }

    private static int Replicas(ConfigNode service)
    {
        var told = service["scale"] ?? service["deploy"]?["replicas"];
        return told is { Kind: ConfigKind.Text } && int.TryParse(told.Text, out var count) && count is >= 0 and <= 10_000 ? count : 1;
    }

    // Inside of a service, links and commands are the service's unless they say otherwise.
    private static ConfigNode OfService(ConfigNode network, string key, string service)
    {
        if (network[key] is not { Kind: ConfigKind.List } list)
            return network;
        var items = list.Items.Select(item =>
            item.Kind != ConfigKind.Map || item["service"] is not null || item["container"] is not null || item["node"] is not null || item["left"] is not null
                ? item
                : item.With("service", ConfigNode.Scalar(service, item.At)));
        return network.With(key, ConfigNode.List([.. items], list.At));
    }

    private static ConfigNode WithoutDisabled(ConfigNode network, HashSet<string> disabled)
    {
        if (disabled.Count == 0)
            return network;
        foreach (var key in (ReadOnlySpan<string>)["links", "commands", "interfaces"])
        {
            if (network[key] is { Kind: ConfigKind.List } list)
                network = network.With(key, ConfigNode.List([.. list.Items.Where(item => !Disabled(item))], list.At));
        }

        return network;

        bool Disabled(ConfigNode item) => item.Kind == ConfigKind.Map
            && (Names(item) || (item["left"] is { } left && Names(left)) || (item["right"] is { } right && Names(right)) || (item["peer"] is { } peer && Names(peer)));

        // In the old language a service's container is written service_1.
        bool Names(ConfigNode item) => (item["service"] is { } service && disabled.Contains(service.Text))
            || (item["container"] is { Text: { Length: > 0 } container } && container.LastIndexOf('_') is > 0 and var cut && disabled.Contains(container[..cut]));
    }

    private static string? LinkKey(ConfigNode link)
    {
        foreach (var owner in (ReadOnlySpan<string>)["service", "container", "node"])
        {
            if (link[owner] is { Kind: ConfigKind.Text } name)
                return $"{owner} {name.Text}:{link["dev"]?.Text ?? "eth0"}";
        }

        return null;
    }

    /// <summary>Entries of a list that are about the same thing become one; what is said later wins.</summary>
    private static ConfigNode MergeEqual(ConfigNode network, string key, Func<ConfigNode, string?> keyOf)
    {
        if (network[key] is not { Kind: ConfigKind.List } list)
            return network;
        var result = new List<ConfigNode>();
        var at = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var item in list.Items)
        {
            if (item.Kind != ConfigKind.Map || keyOf(item) is not { } name)
                result.Add(item);
            else if (at.TryGetValue(name, out var index))
                result[index] = Merge(result[index], item);
            else
            {
                at[name] = result.Count;
                result.Add(item);
            }
        }

        return network.With(key, ConfigNode.List(result, list.At));
    }

    private static ConfigNode Merge(ConfigNode? first, ConfigNode second)
    {
        if (first is null || first.Kind == ConfigKind.Null)
            return second;
        if (second.Kind == ConfigKind.Null)
            return first;
        if (first.Kind == ConfigKind.Map && second.Kind == ConfigKind.Map)
        {
            var merged = first;
            foreach (var (key, value) in second.Entries)
                merged = merged.With(key.Text, Merge(merged[key.Text], value));
            return merged;
        }

        // A text beside a list is one more entry of it.
        if (first.Kind == ConfigKind.List || (second.Kind == ConfigKind.List && first.Kind == ConfigKind.Text))
            return second.Kind == ConfigKind.Map ? second : ConfigNode.List([.. Listed(first), .. Listed(second)], first.At);
        return second;
    }

    private static IReadOnlyList<ConfigNode> Listed(ConfigNode node) => node.Kind == ConfigKind.List ? node.Items : [node];
}
