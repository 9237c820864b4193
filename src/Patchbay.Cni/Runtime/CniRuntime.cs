using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Cni.Runtime;

/// <summary>The runtime's side of the protocol: runs the chains of networks and remembers their results.</summary>
/// <remarks>
/// The caller must not run two operations for one container, nor GC beside ADD or DEL of the same network, at the same time.
/// </remarks>
public sealed class CniRuntime
{
    /// <summary>Directories of plugins.</summary>
    public required IReadOnlyList<string> PluginPath { get; init; }

    /// <summary>Where results are kept.</summary>
    public ResultCache Cache { get; init; } = new();

    /// <summary>The variables that plugins get besides CNI_*.</summary>
    public Func<IEnumerable<KeyValuePair<string, string>>> Variables { get; init; } = PluginEnvironment.ProcessVariables;

    /// <summary>Where the plugins' standard error goes.</summary>
    public Stream Error { get; init; } = Stream.Null;

    /// <summary>How long each plugin may run; null for ever.</summary>
    public TimeSpan? Limit { get; init; }

    /// <summary>ADD, first plugin to last. The cache is written after every plugin, so that a DEL or GC after a chain that broke knows what there is.</summary>
    /// <param name="list">The network.</param>
    /// <param name="attachment">The container's side.</param>
    /// <returns>The last plugin's result.</returns>
    /// <exception cref="CniException">The error of the plugin that failed, with its code; the caller should issue a DEL.</exception>
    public CniResult Add(NetworkList list, Attachment attachment)
    {
        Validate(list, attachment);
        CniResult? result = null;
        foreach (NetworkPlugin plugin in list.Plugins)
        {
            try
            {
                PluginProcess process = Find(plugin);
                ReadOnlyMemory<byte> output = Execute(process, CniCommand.Add, list, plugin, attachment, new(result, attachment.CapabilityArgs));
                result = process.ReadResult(output, list.Version);
            }
            catch (CniException error)
            {
                throw Failed(plugin, "add", error);
            }

            try
            {
                Cache.Write(list, attachment, result);
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                throw new CniException(CniError.IoFailure, $"failed to set network \"{list.Name}\" cached result: {error.Message}", inner: error);
            }
        }

        return result!;
    }

    /// <summary>DEL, last plugin to first, with the cached result from version 0.4.0 on; then the cache entry is removed.</summary>
    /// <param name="list">The network.</param>
    /// <param name="attachment">The container's side.</param>
    /// <exception cref="CniException">The error of the plugin that failed, with its code.</exception>
    public void Delete(NetworkList list, Attachment attachment)
    {
        Validate(list, attachment);
        CniResult? result = list.Version >= SpecVersion.V040 ? CachedOrDropped(list, attachment) : null;
        foreach (NetworkPlugin plugin in list.Plugins.Reverse())
        {
            try
            {
                Execute(Find(plugin), CniCommand.Delete, list, plugin, attachment, new(result, attachment.CapabilityArgs));
            }
            catch (CniException error)
            {
                throw Failed(plugin, "delete", error);
            }
        }

        Cache.Delete(list.Name, attachment.Id);
    }

    /// <summary>CHECK, first plugin to last, with the cached result.</summary>
    /// <param name="list">The network.</param>
    /// <param name="attachment">The container's side.</param>
    /// <exception cref="CniException">Code 1: the version has no CHECK; else the error of the plugin that failed.</exception>
    public void Check(NetworkList list, Attachment attachment)
    {
        Validate(list, attachment);
        if (list.Version < SpecVersion.V040)
            throw new CniException(CniError.IncompatibleVersion, $"configuration version \"{list.VersionText}\" does not support the CHECK command");
        if (list.DisableCheck)
            return;
        CniResult? result = Cache.Read(list.Name, attachment.Id)?.Result;
        foreach (NetworkPlugin plugin in list.Plugins)
            Execute(Find(plugin), CniCommand.Check, list, plugin, attachment, new(result, attachment.CapabilityArgs));
    }

    /// <summary>STATUS, first plugin to last; success without asking before version 1.1.0.</summary>
    /// <param name="list">The network.</param>
    /// <exception cref="CniException">The error of the plugin that failed.</exception>
    public void Status(NetworkList list)
    {
        Validate(list, null);
        if (list.Version < SpecVersion.V110)
            return;
        foreach (NetworkPlugin plugin in list.Plugins)
            Execute(Find(plugin), CniCommand.Status, list, plugin, null, new());
    }

    /// <summary>GC: DEL for every cached attachment that is not valid, then, from version 1.1.0 on, GC for every plugin. Goes on after errors.</summary>
    /// <param name="list">The network.</param>
    /// <param name="valid">The attachments to keep. Null keeps none and tells the plugins nothing; an empty list keeps none and says so.</param>
    /// <exception cref="CniException">All errors together.</exception>
    public void GarbageCollect(NetworkList list, IReadOnlyList<CniAttachment>? valid)
    {
        Validate(list, null);
        if (list.DisableGc)
            return;

        List<Exception> errors = [];
        foreach (CachedAttachment stale in Cache.List(list.Name))
        {
            if (valid?.Contains(stale.Attachment.Id) == true)
                continue;
            Try(() => Delete(list, stale.Attachment), $"failed to delete stale attachment {stale.Attachment.ContainerId} {stale.Attachment.IfName}");
        }

        if (list.Version >= SpecVersion.V110)
            foreach (NetworkPlugin plugin in list.Plugins)
                Try(() => Execute(Find(plugin), CniCommand.GarbageCollect, list, plugin, null, new(Valid: valid)), $"failed to GC plugin {plugin.Type}");
        if (errors.Count > 0)
            throw CniException.From(new AggregateException(errors));

        void Try(Action work, string what)
        {
            try
            {
                work();
            }
            catch (CniException error)
            {
                errors.Add(new CniException(error.Code, $"{what}: {error.Message}", error.Details, error));
            }
        }
    }

    private static void Validate(NetworkList list, Attachment? attachment)
    {
        ArgumentNullException.ThrowIfNull(list);
        attachment?.Validate();
        Validation.NetworkName(list.Name);
    }

    private PluginProcess Find(NetworkPlugin plugin) =>
        new(plugin.Type, PluginFinder.Find(plugin.Type, PluginPath, FileIdentity.Of), Limit, "the runtime's limit");

    private ReadOnlyMemory<byte> Execute(
        PluginProcess process,
        CniCommand command,
        NetworkList list,
        NetworkPlugin plugin,
        Attachment? attachment,
        JsonText.Additions additions)
    {
        Dictionary<string, string> variables = new(StringComparer.Ordinal);
        foreach ((string name, string value) in Variables())
            variables[name] = value;
        variables["CNI_COMMAND"] = command.ToText();
        variables["CNI_CONTAINERID"] = attachment?.ContainerId ?? "";
        variables["CNI_NETNS"] = attachment?.NetnsPath ?? "";
        variables["CNI_IFNAME"] = attachment?.IfName ?? "";
        variables["CNI_ARGS"] = attachment?.ArgsText ?? "";
        variables["CNI_PATH"] = string.Join(':', PluginPath);
        return process.Run(variables, JsonText.ForPlugin(list, plugin, additions), Error);
    }

    private CniResult? CachedOrDropped(NetworkList list, Attachment attachment)
    {
        try
        {
            return Cache.Read(list.Name, attachment.Id)?.Result;
        }
        catch (CniException)
        {
            // A broken entry must not keep a container from being deleted.
            Cache.Delete(list.Name, attachment.Id);
            return null;
        }
    }

    private static CniException Failed(NetworkPlugin plugin, string operation, CniException error)
    {
        string name = plugin.Name.Length == 0 ? "" : $" name=\"{plugin.Name}\"";
        return new CniException(error.Code, $"plugin type=\"{plugin.Type}\"{name} failed ({operation}): {error.Message}", error.Details, error);
    }
}
