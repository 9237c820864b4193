using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Cni.Runtime;

/// <summary>The runtime's side of the protocol: runs the chains of networks and remembers their results.</summary>
/// <remarks>
/// <para>Operations on one attachment wait for one another, GC of a network for all of its attachments', across threads and across the
/// processes that use the same cache through this class. Different attachments go in parallel.</para>
/// <para>Each operation exists as a method and as a task; a task has a thread to itself while its plugins run. A cancellation kills the
/// plugin that runs, with what it started, and ends in <see cref="OperationCanceledException"/>; after an ADD that was cut short, issue a DEL.</para>
/// </remarks>
public sealed partial class CniRuntime
{
    private PluginRunner Runner => field ??= new(this);

    /// <summary>Directories of plugins.</summary>
    public required IReadOnlyList<string> PluginPath { get; init; }

    /// <summary>Where results are kept.</summary>
    public ResultCache Cache { get; init; } = new();

    /// <summary>The variables that plugins get besides CNI_*; those of this process unless told.</summary>
    public Func<IEnumerable<KeyValuePair<string, string>>> Variables { get; init; } = PluginEnvironment.ProcessVariables;

    /// <summary>Where the plugins' standard error goes.</summary>
    public Stream Error { get; init; } = Stream.Null;

    /// <summary>How long each plugin may run, and how long to wait for another runtime at the same attachment; null for ever.</summary>
    public TimeSpan? Limit { get; init; }

    /// <summary>
    /// The plugins of this executable by name: one of them that the path of plugins leads to is called without a process. No limit and no cancellation ends it,
    /// and it works in the network namespace of the calling thread.
    /// </summary>
    public Func<string, CniPlugin?> BuiltIn { get; init; } = static _ => null;

    /// <summary>Is told of each execution of a plugin.</summary>
    public Action<PluginCall>? Observer { get; init; }

    /// <summary>ADD, first plugin to last. Nothing runs when one of them is missing, or when the cache cannot be written.</summary>
    /// <remarks>The attachment is in the cache from before its first plugin runs, so that GC knows of one whose runtime was killed, and DEL of how far it came.</remarks>
    /// <param name="list">The network.</param>
    /// <param name="attachment">The container's side.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <returns>The last plugin's result.</returns>
    /// <exception cref="CniException">The error of the plugin that failed, with its code; the caller should issue a DEL. Code 5: the cache cannot be written.</exception>
    public CniResult Add(NetworkList list, Attachment attachment, CancellationToken cancellation = default)
    {
        Validate(list, attachment);
        List<PluginRunner.Found> chain = [];
        foreach (NetworkPlugin plugin in list.Plugins)
            Step(plugin, "add", () => chain.Add(Runner.Find(plugin)));

        using CacheLock? alone = Lock(list, attachment, needed: true, cancellation);
        Remember(list, () => Cache.Begin(list, attachment));
        CniResult? result = null;
        foreach (PluginRunner.Found found in chain)
        {
            Step(found.Plugin, "add", () =>
            {
                ReadOnlyMemory<byte> output = Runner.Run(found, CniCommand.Add, list, attachment, new(result, attachment.CapabilityArgs), cancellation);
                result = Runner.ReadResult(found, output, list.Version);
            });
            Remember(list, () => Cache.Write(list, attachment, result, complete: found == chain[^1]));
        }

        return result!;
    }

    /// <summary>DEL, last plugin to first, with the cached result from version 0.4.0 on; then the cache entry is removed.</summary>
    /// <param name="list">The network.</param>
    /// <param name="attachment">The container's side.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <exception cref="CniException">The error of the plugin that failed, with its code. Code 5: all plugins succeeded, but the cache entry cannot be removed.</exception>
    public void Delete(NetworkList list, Attachment attachment, CancellationToken cancellation = default)
    {
        Validate(list, attachment);
        using CacheLock? alone = Lock(list, attachment, needed: false, cancellation);
        DeleteLocked(list, attachment, cancellation);
    }

    /// <summary>CHECK, first plugin to last, with the cached result.</summary>
    /// <param name="list">The network.</param>
    /// <param name="attachment">The container's side.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <exception cref="CniException">Code 1: the version has no CHECK; else the error of the plugin that failed.</exception>
    public void Check(NetworkList list, Attachment attachment, CancellationToken cancellation = default)
    {
        Validate(list, attachment);
        if (list.Version < SpecVersion.V040)
            throw new CniException(CniError.IncompatibleVersion, $"configuration version \"{list.VersionText}\" does not support the CHECK command");
        if (list.DisableCheck)
            return;
        using CacheLock? alone = Lock(list, attachment, needed: false, cancellation);
        CniResult? result = Cache.Read(list.Name, attachment.Id)?.Result;
        foreach (NetworkPlugin plugin in list.Plugins)
            Runner.Run(Runner.Find(plugin), CniCommand.Check, list, attachment, new(result, attachment.CapabilityArgs), cancellation);
    }

    /// <summary>STATUS, first plugin to last; success without asking before version 1.1.0.</summary>
    /// <param name="list">The network.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <exception cref="CniException">The error of the plugin that failed.</exception>
    public void Status(NetworkList list, CancellationToken cancellation = default)
    {
        Validate(list, null);
        if (list.Version < SpecVersion.V110)
            return;
        foreach (NetworkPlugin plugin in list.Plugins)
            Runner.Run(Runner.Find(plugin), CniCommand.Status, list, null, new(), cancellation);
    }

    /// <summary>STATUS of one plugin, in the form of 1.1.0 whatever the version of its network.</summary>
    internal void StatusOf(NetworkList list, NetworkPlugin plugin) =>
        Runner.Run(Runner.Find(plugin), CniCommand.Status, list.As(SpecVersion.V110), null, new(), default);

    /// <summary>GC: DEL for every cached attachment that is not valid, then, from version 1.1.0 on, GC for every plugin. Goes on after errors.</summary>
    /// <remarks>An entry of the cache that cannot be read, and may be of this network, stays; that it is there is the last of the errors.</remarks>
    /// <param name="list">The network.</param>
    /// <param name="valid">The attachments to keep. Null keeps none and tells the plugins nothing; an empty list keeps none and says so.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <exception cref="CniException">All errors together.</exception>
    public void GarbageCollect(NetworkList list, IReadOnlyList<CniAttachment>? valid, CancellationToken cancellation = default)
    {
        Validate(list, null);
        if (list.DisableGc)
            return;

        using CacheLock? alone = Lock(list, null, needed: false, cancellation);
        List<Exception> errors = [];
        foreach (CachedAttachment stale in Cache.List(list.Name))
        {
            if (valid?.Contains(stale.Attachment.Id) == true)
                continue;
            Try(() => DeleteLocked(list, stale.Attachment, cancellation), $"failed to delete stale attachment {stale.Attachment.ContainerId} {stale.Attachment.IfName}");
        }

        if (list.Version >= SpecVersion.V110)
            foreach (NetworkPlugin plugin in list.Plugins)
                Try(() => Runner.Run(Runner.Find(plugin), CniCommand.GarbageCollect, list, null, new(Valid: valid), cancellation), $"failed to GC plugin {plugin.Type}");
        errors.AddRange(Cache.Unreadable(list.Name, but: valid ?? []));
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

    /// <summary>Asks a plugin which versions it takes.</summary>
    /// <param name="type">Name of the plugin.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <returns>Its answer; one from before VERSION takes 0.1.0 alone.</returns>
    /// <exception cref="CniException">It is not there, failed, or gave no valid answer.</exception>
    public PluginVersions Versions(string type, CancellationToken cancellation = default) =>
        PluginVersions.Read(type, Runner.Execute(type, Runner.FindFile(type), PluginVersions.Variables, """{"cniVersion":"1.1.0"}"""u8.ToArray(), cancellation));

    /// <summary>Are all plugins of a network there, and do they take its version?</summary>
    /// <param name="list">The network.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <returns>The capabilities that its plugins declare, each once.</returns>
    /// <exception cref="CniException">No; the text names the plugin and the version.</exception>
    public IReadOnlyList<string> Validate(NetworkList list, CancellationToken cancellation = default)
    {
        Validate(list, null);
        List<string> capabilities = [];
        foreach (NetworkPlugin plugin in list.Plugins)
        {
            PluginVersions versions = Versions(plugin.Type, cancellation);
            if (!versions.Supports(list.VersionText))
                throw new CniException(
                    CniError.IncompatibleVersion, $"plugin {plugin.Type} does not support config version \"{list.VersionText}\"", $"it takes {string.Join(", ", versions.Supported)}");
            capabilities.AddRange(plugin.Capabilities.Except(capabilities));
        }

        return capabilities;
    }

    private static void Validate(NetworkList list, Attachment? attachment)
    {
        ArgumentNullException.ThrowIfNull(list);
        attachment?.Validate();
        Validation.NetworkName(list.Name);
    }

    // Null: nobody can write to the cache, so nobody is at work with it.
    private CacheLock? Lock(NetworkList list, Attachment? attachment, bool needed, CancellationToken cancellation)
    {
        using Deadline deadline = new(Limit, cancellation);
        try
        {
            string file = Cache.LockFile();
            return attachment is null ? CacheLock.OfNetwork(file, list.Name, deadline) : CacheLock.OfAttachment(file, list.Name, attachment.Id, deadline);
        }
        catch (TimeoutException error)
        {
            string what = attachment is null ? "an attachment" : $"interface {attachment.IfName} of container {attachment.ContainerId}";
            throw new CniException(CniError.TryAgainLater, $"another runtime is at work on {what} of network \"{list.Name}\" since more than {Limit!.Value.TotalSeconds:0.###} s", inner: error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return needed ? throw Uncached(list, "set", error) : null;
        }
    }

    private void DeleteLocked(NetworkList list, Attachment attachment, CancellationToken cancellation)
    {
        CniResult? result = list.Version >= SpecVersion.V040 ? CachedOrDropped(list, attachment) : null;
        foreach (NetworkPlugin plugin in list.Plugins.Reverse())
            Step(plugin, "delete", () => Runner.Run(Runner.Find(plugin), CniCommand.Delete, list, attachment, new(result, attachment.CapabilityArgs), cancellation));
        try
        {
            Cache.Delete(list.Name, attachment.Id);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Uncached(list, "delete", error);
        }
    }

    private CniResult? CachedOrDropped(NetworkList list, Attachment attachment)
    {
        try
        {
            return Cache.Read(list.Name, attachment.Id)?.Result;
        }
        catch (CniException)
        {
            return null; // a broken entry must not keep a container from being deleted, and goes with it
        }
    }

    private static void Remember(NetworkList list, Action write)
    {
        try
        {
            write();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Uncached(list, "set", error);
        }
    }

    private static CniException Uncached(NetworkList list, string operation, Exception error) =>
        new(CniError.IoFailure, $"failed to {operation} network \"{list.Name}\" cached result: {error.Message}", inner: error);

    private static void Step(NetworkPlugin plugin, string operation, Action work)
    {
        try
        {
            work();
        }
        catch (CniException error)
        {
            string name = plugin.Name.Length == 0 ? "" : $" name=\"{plugin.Name}\"";
            throw new CniException(error.Code, $"plugin type=\"{plugin.Type}\"{name} failed ({operation}): {error.Message}", error.Details, error);
        }
    }
}
