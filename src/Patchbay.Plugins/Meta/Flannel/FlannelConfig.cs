using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Meta.Flannel;

/// <summary>The plugin's own keys.</summary>
internal sealed class FlannelConfig
{
    private const string DefaultType = "bridge";
    private const string DefaultIpam = "host-local";

    private FlannelConfig(NetworkConfig network, JsonView? @delegate, string type, JsonView? ipam)
    {
        Network = network;
        Delegate = @delegate;
        DelegateType = type;
        Ipam = ipam;
    }

    internal NetworkConfig Network { get; }

    /// <summary><c>subnetFile</c>: what flanneld writes.</summary>
    internal string SubnetFile { get; private init; } = "";

    /// <summary><c>dataDir</c>: what attachments were made with.</summary>
    internal string DataDirectory { get; private init; } = "";

    /// <summary><c>delegate</c>: keys for the plugin that makes the interface.</summary>
    internal JsonView? Delegate { get; }

    internal string DelegateType { get; }

    /// <summary><c>ipam</c>: keys for its address management.</summary>
    internal JsonView? Ipam { get; }

    internal string IpamType { get; private init; } = DefaultIpam;

    /// <summary>Reads the keys.</summary>
    /// <exception cref="CniException">Code 7: a combination that cannot be; 999: a value of the wrong type.</exception>
    internal static FlannelConfig Read(NetworkConfig network)
    {
        var root = network.Root;
        var wanted = root.Object("delegate");
        var type = DefaultType;
        if (wanted is { } keys)
        {
            if (keys.Has("name"))
                throw Invalid("'delegate' dictionary must not have 'name' field, it'll be set by flannel");
            if (keys.Has("ipam"))
                throw Invalid("'delegate' dictionary must not have 'ipam' field, it'll be set by flannel");
            type = keys.String("type") ?? DefaultType;
            if (type.Length == 0)
                throw Invalid("'delegate' dictionary, if present, must have a 'type' that is not empty, or none: then it is \"bridge\"");
            Validation.PluginType(type);
            if (type == FlannelPlugin.TypeName)
                throw Invalid("the delegate's type cannot be \"flannel\": it must be the plugin that makes the interface, such as \"bridge\"");
        }

        var ipam = root.Object("ipam");
        var ipamType = ipam?.String("type") is { Length: > 0 } told ? told : DefaultIpam;
        Validation.PluginType(ipamType);
        ipam?.Array("routes");
        return new FlannelConfig(network, wanted, type, ipam)
        {
            SubnetFile = Path(root, "subnetFile", "/run/flannel/subnet.env"),
            DataDirectory = Path(root, "dataDir", "/var/lib/cni/flannel"),
            IpamType = ipamType,
        };
    }

    private static string Path(JsonView root, string key, string @default)
    {
        var path = root.String(key) is { Length: > 0 } told ? told : @default;
        return path[0] == '/' && !path.Contains('\0', StringComparison.Ordinal) ? path : throw Invalid($"\"{key}\" must be an absolute path, not \"{path}\"");
    }

    private static CniException Invalid(string text) => new(CniError.InvalidNetworkConfig, text);
}
