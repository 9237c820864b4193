using System.Globalization;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Cni.Runtime;

namespace Patchbay.Plugins.Tools.NetRun;

/// <summary>The networks that one container is to join, in order, and how.</summary>
internal sealed class NetworkPlan
{
    private const string DefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    // A deletion that hangs keeps what it should delete, and nobody waits for it any more: it is given up.
    private static readonly TimeSpan DeleteLimit = TimeSpan.FromSeconds(60);

    private readonly List<(NetworkList List, Attachment Attachment)> _all = [];
    private readonly CniRuntime _add;
    private readonly CniRuntime _delete;

    private NetworkPlan(AttachmentOptions options, PluginEnvironment environment)
    {
        string[] pluginPath = new RuntimeVariables(environment).PluginPath is { Length: > 0 } told ? told : [OwnDirectory()];
        CniRuntime Runtime(TimeSpan? limit) => new()
        {
            PluginPath = pluginPath,
            Cache = new ResultCache(options.CacheDirectory),
            Variables = () => WithPath(environment),
            Error = environment.Error,
            Limit = limit,
        };
        _add = Runtime(options.Limit);
        _delete = Runtime(options.Limit ?? DeleteLimit);
    }

    /// <summary>How many networks there are.</summary>
    internal int Count => _all.Count;

    /// <summary>Loads the networks.</summary>
    /// <param name="options">Which.</param>
    /// <param name="environment">NETCONFPATH, CNI_PATH, CNI_ARGS, CAP_ARGS.</param>
    /// <param name="containerId">The container.</param>
    /// <param name="netns">Path of its namespace; empty when it has none any more.</param>
    /// <exception cref="CniException">A network that is not there or that cannot be understood; two for one interface.</exception>
    internal static NetworkPlan Load(AttachmentOptions options, PluginEnvironment environment, string containerId, string netns)
    {
        Validation.ContainerId(containerId);
        NetworkPlan plan = new(options, environment);
        RuntimeVariables variables = new(environment);
        string directory = variables.ConfigurationDirectory;
        IReadOnlyList<KeyValuePair<string, string>> args = variables.Args;
        IReadOnlyDictionary<string, JsonElement> capabilities = variables.CapabilityArgs;
        if (options.Networks.Count == 0)
        {
            foreach (string file in Files(directory))
                Add(NetworkDirectory.LoadFile(file), null);
            if (plan.Count == 0)
                throw new CniException(CniError.InvalidNetworkConfig, $"no net configurations found in {directory}");
        }

        foreach ((string name, string? ifName) in options.Networks)
            Add(NetworkDirectory.Load(directory, name), ifName);
        return plan;

        void Add(NetworkList list, string? ifName)
        {
            Validation.NetworkName(list.Name);
            ifName ??= string.Create(CultureInfo.InvariantCulture, $"eth{plan.Count}");
            if (plan._all.Exists(each => each.Attachment.IfName == ifName))
                throw AttachmentOptions.Bad($"two networks would get the interface {ifName}: give one of them a name of its own, NETWORK:IFNAME");
            plan._all.Add((list, new Attachment { ContainerId = containerId, NetnsPath = netns, IfName = ifName, Args = args, CapabilityArgs = capabilities }));
        }
    }

    /// <summary>Loads the networks for a teardown: if the directory has become unreadable since, those that the cache remembers.</summary>
    /// <exception cref="CniException">The directory is unreadable, and the cache knows nothing of the container.</exception>
    internal static NetworkPlan LoadToDelete(AttachmentOptions options, PluginEnvironment environment, string containerId, string netns)
    {
        try
        {
            return Load(options, environment, containerId, netns);
        }
        catch (CniException) when (Remember(options, environment, containerId, netns) is { Count: > 0 })
        {
            return Remember(options, environment, containerId, netns);
        }
    }

    /// <summary>The networks that a container was joined to, as the cache remembers them; drop-in files are not among that.</summary>
    /// <param name="options">Where the cache is.</param>
    /// <param name="environment">CNI_PATH.</param>
    /// <param name="containerId">The container.</param>
    /// <param name="netns">Path of its namespace; empty when it has none any more.</param>
    internal static NetworkPlan Remember(AttachmentOptions options, PluginEnvironment environment, string containerId, string netns)
    {
        NetworkPlan plan = new(options, environment);
        foreach (CachedAttachment entry in plan._delete.Cache.List(containerId: containerId).OrderBy(entry => entry.Attachment.IfName, StringComparer.Ordinal))
            plan._all.Add((NetworkList.Parse(entry.Config), entry.Attachment with { NetnsPath = netns }));
        return plan;
    }

    /// <summary>Refuses a chain with a plugin that is not there, before anything is made: DEL would stop at it as well, and leave what the others made.</summary>
    internal void RequirePlugins()
    {
        foreach ((NetworkList list, _) in _all)
            foreach (NetworkPlugin plugin in list.Plugins)
                if (!_add.PluginPath.Any(directory => FileIdentity.Of(Path.Combine(directory, plugin.Type)) is { IsRegular: true }))
                    throw new CniException(CniError.Internal, $"network \"{list.Name}\": failed to find plugin \"{plugin.Type}\" in path [{string.Join(' ', _add.PluginPath)}]");
    }

    /// <summary>ADD for one network.</summary>
    internal void Add(int index)
    {
        (NetworkList list, Attachment attachment) = _all[index];
        try
        {
            _add.Add(list, attachment);
        }
        catch (CniException error)
        {
            throw new CniException(error.Code, $"network \"{list.Name}\" ({attachment.IfName}): {error.Message}", error.Details, error);
        }
    }

    /// <summary>DEL for the first networks, in reverse, whatever fails; with what the cache remembers of the ADD.</summary>
    /// <param name="count">How many of them were begun.</param>
    /// <returns>The errors.</returns>
    internal List<CniException> Delete(int count)
    {
        List<CniException> errors = [];
        for (int i = Math.Min(count, Count) - 1; i >= 0; i--)
        {
            (NetworkList list, Attachment attachment) = _all[i];
            try
            {
                _delete.Delete(list, Remembered(list, attachment));
            }
            catch (Exception error) when (error is not OutOfMemoryException)
            {
                CniException cni = CniException.From(error);
                errors.Add(new CniException(cni.Code, $"network \"{list.Name}\" ({attachment.IfName}) may not be cleaned up: {cni.Message}", cni.Details, cni));
            }
        }

        return errors;
    }

    private Attachment Remembered(NetworkList list, Attachment attachment)
    {
        try
        {
            return _delete.Cache.Read(list.Name, new CniAttachment(attachment.ContainerId, attachment.IfName))?.Attachment is { } cached
                ? attachment with { Args = cached.Args, CapabilityArgs = cached.CapabilityArgs }
                : attachment;
        }
        catch (CniException)
        {
            return attachment; // the runtime says what is wrong with it
        }
    }

    private static List<string> Files(string directory)
    {
        List<string> files = [];
        if (Directory.Exists(directory))
            foreach (string file in Directory.EnumerateFiles(directory))
                if (Path.GetExtension(file) is ".conflist" or ".conf" or ".json")
                    files.Add(file);
        files.Sort(StringComparer.Ordinal);
        return files;
    }

    private static string OwnDirectory() =>
        Path.GetDirectoryName(File.ResolveLinkTarget("/proc/self/exe", returnFinalTarget: false)?.FullName) ?? "";

    // Who executes hooks gives them no variables but those that are asked for; plugins look for programs such as iptables-restore.
    private static IEnumerable<KeyValuePair<string, string>> WithPath(PluginEnvironment environment)
    {
        bool has = false;
        foreach (KeyValuePair<string, string> variable in environment.Variables())
        {
            has |= variable.Key == "PATH";
            yield return variable;
        }

        if (!has)
            yield return new("PATH", DefaultPath);
    }
}
