using Patchbay.Cni.Model;
using Patchbay.Plugins.Sockets;

namespace Patchbay.Plugins.Meta.Yggoverlay;

/// <summary>The plugin's keys. docs/yggoverlay.md lists them.</summary>
internal sealed record YggoverlayConfig
{
    internal const string DefaultDirectory = "/run/cni/yggoverlay";

    private const uint DefaultTable = 199;
    private const uint DefaultPriority = 100;
    private const int DefaultTimeout = 3000;

    /// <summary>The only place to ask the node; null for the usual ones.</summary>
    internal StreamEndpoint? AdminSocket { get; private init; }

    internal int TimeoutMilliseconds { get; private init; } = DefaultTimeout;

    /// <summary>The container's name, whatever the runtime says; null to look for it.</summary>
    internal string? HostName { get; private init; }

    internal uint Table { get; private init; } = DefaultTable;

    internal uint Priority { get; private init; } = DefaultPriority;

    /// <summary>Null: as the gateway device calls for.</summary>
    internal WiringMode? Mode { get; private init; }

    /// <summary>A name that another container has: pass the container on without an address, instead of failing.</summary>
    internal bool SkipDuplicates { get; private init; }

    /// <summary>A container without a name: call it by its id, instead of failing.</summary>
    internal bool NameById { get; private init; }

    internal bool ReportAddress { get; private init; } = true;

    internal Ingress Ingress { get; private init; }

    /// <summary>Never the source of connections that may choose.</summary>
    internal bool Deprecated { get; private init; } = true;

    internal string Directory { get; private init; } = DefaultDirectory;

    /// <summary>Reads the configuration.</summary>
    /// <exception cref="CniException">A value is wrong; the text names it.</exception>
    internal static YggoverlayConfig Read(JsonView root) => new()
    {
        AdminSocket = Text(root, "adminSocket") is { } socket
            ? StreamEndpoint.TryParse(socket) ?? throw Wrong($"\"adminSocket\" must be unix:///path, unix://@name or tcp://address:port, not \"{socket}\"") : null,
        TimeoutMilliseconds = (int)(root.Integer("timeoutMs", 1, 600_000) ?? DefaultTimeout),
        HostName = Text(root, "hostname"),
        // 253 to 255 are the kernel's own tables (default, main, local).
        Table = (uint)(root.Integer("yggTableID", 1, uint.MaxValue) is not { } table ? DefaultTable
            : table is < 253 or > 255 ? table : throw Wrong($"\"yggTableID\" must not be {table}: that is one of the kernel's own tables")),
        Priority = (uint)(root.Integer("yggTablePriority", 1, 32765) ?? DefaultPriority), // 32766 is the main table's rule
        Mode = Text(root, "mode") switch
        {
            null => null,
            "bridge" => WiringMode.Bridge,
            "routed" => WiringMode.Routed,
            { } other => throw Choice("mode", other, "bridge or routed"),
        },
        SkipDuplicates = Text(root, "onDuplicate") switch
        {
            null or "error" => false,
            "skip" => true,
            { } other => throw Choice("onDuplicate", other, "error or skip"),
        },
        NameById = Text(root, "missingName") switch
        {
            null or "error" => false,
            "containerid" => true,
            { } other => throw Choice("missingName", other, "error or containerid"),
        },
        ReportAddress = root.Boolean("reportAddress") ?? true,
        Ingress = Text(root, "ingress") switch
        {
            null or "open" => Ingress.Open,
            "established" => Ingress.Established,
            "deny" => Ingress.Deny,
            { } other => throw Choice("ingress", other, "open, established or deny"),
        },
        Deprecated = root.Boolean("deprecated") ?? true,
        Directory = ReadDirectory(root),
    };

    /// <summary>The one key that DEL needs.</summary>
    /// <exception cref="CniException">It is no absolute path.</exception>
    internal static string ReadDirectory(JsonView root) => Text(root, "dataDir") switch
    {
        null => DefaultDirectory,
        ['/', ..] path when !path.Contains('\0', StringComparison.Ordinal) => path,
        { } other => throw Wrong($"\"dataDir\" must be an absolute path, not \"{other}\""),
    };

    private static string? Text(JsonView root, string key) => root.String(key) is { Length: > 0 } text ? text : null;

    private static CniException Choice(string key, string value, string allowed) => Wrong($"\"{key}\" must be {allowed}, not \"{value}\"");

    private static CniException Wrong(string text) => new(CniError.InvalidNetworkConfig, $"yggoverlay: {text}");
}

/// <summary>How a container and its host find each other.</summary>
internal enum WiringMode
{
    /// <summary>The subnet is one link: containers reach each other over the bridge, and only one bridge of a host can have it.</summary>
    Bridge,

    /// <summary>A route for each container: any number of bridges, and links without one.</summary>
    Routed,
}

/// <summary>What the mesh may send to a container.</summary>
internal enum Ingress
{
    /// <summary>Everything.</summary>
    Open,

    /// <summary>What belongs to connections that the container began.</summary>
    Established,

    /// <summary>Nothing.</summary>
    Deny,
}
