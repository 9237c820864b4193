using Patchbay.Cni.Model;

namespace Patchbay.Cni.Plugin;

/// <summary>What a plugin is asked to do, and with what.</summary>
/// <remarks>Use <c>with</c> to derive the request for a delegate that works on another interface or with another configuration.</remarks>
public sealed record PluginRequest
{
    /// <summary>The command.</summary>
    public required CniCommand Command { get; init; }

    /// <summary>CNI_CONTAINERID; empty for GC and STATUS.</summary>
    public string ContainerId { get; init; } = "";

    /// <summary>CNI_NETNS: path of the container's namespace; may be empty for DEL, is for GC and STATUS.</summary>
    public string NetnsPath { get; init; } = "";

    /// <summary>CNI_IFNAME: the interface in the container; empty for GC and STATUS.</summary>
    public string IfName { get; init; } = "";

    /// <summary>CNI_ARGS as it came; see <see cref="CniArgs"/>.</summary>
    public string Args { get; init; } = "";

    /// <summary>CNI_PATH as it came: directories of plugins, separated by colons.</summary>
    public string Path { get; init; } = "";

    /// <summary>The configuration.</summary>
    public required NetworkConfig Config { get; init; }

    /// <summary>Variables and streams of the process that runs the plugin.</summary>
    public required PluginEnvironment Environment { get; init; }

    /// <summary>How many plugins delegated to this one; null when the environment tells.</summary>
    internal int? Depth { get; init; }

    /// <summary>The configuration as it came.</summary>
    public ReadOnlyMemory<byte> StdinData => Config.Json;

    /// <summary>CNI_PATH as a list, empty entries left out.</summary>
    public IReadOnlyList<string> SearchPath => Path.Split(':', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Another plugin, to be run for this request.</summary>
    /// <param name="type">Its name; looked up in CNI_PATH at the first call.</param>
    /// <param name="config">Its configuration, if it is not ours.</param>
    /// <returns>The delegate.</returns>
    public PluginDelegate Delegate(string type, NetworkConfig? config = null) => new(config is null ? this : this with { Config = config }, type);
}
