using Patchbay.Cni.Model;

namespace Patchbay.Cni.Runtime;

/// <summary>One plugin of a network list.</summary>
public sealed class NetworkPlugin
{
    internal NetworkPlugin(JsonView root)
    {
        Root = root;
        string? type = root.String("type");
        if (string.IsNullOrEmpty(type))
            throw new CniException(CniError.InvalidNetworkConfig, "error parsing configuration: missing 'type'");
        Type = type;
        Name = root.String("name") ?? "";
        Capabilities = CapabilitiesOf(root);
    }

    /// <summary>Name of the executable.</summary>
    public string Type { get; }

    /// <summary>A name of the object's own, for errors; usually empty.</summary>
    public string Name { get; }

    /// <summary>The object as it stands in the file.</summary>
    public JsonView Root { get; }

    /// <summary>The capabilities that the plugin takes: the keys of <c>capabilities</c> that are true.</summary>
    public IReadOnlyList<string> Capabilities { get; }

    // At once, so that a mistake is the file's, and not that of whoever comes to ask first.
    private static List<string> CapabilitiesOf(JsonView root)
    {
        List<string> names = [];
        if (root.Object("capabilities") is { } capabilities)
            foreach ((string name, _) in capabilities.Pairs())
                if (capabilities.Boolean(name) == true)
                    names.Add(name);
        return names;
    }
}
