using Patchbay.Cni.Model;

namespace Patchbay.Cni.Runtime;

/// <summary>The operations as tasks.</summary>
public sealed partial class CniRuntime
{
    /// <summary><see cref="Add"/> as a task.</summary>
    /// <param name="list">The network.</param>
    /// <param name="attachment">The container's side.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <returns>The last plugin's result.</returns>
    public Task<CniResult> AddAsync(NetworkList list, Attachment attachment, CancellationToken cancellation = default) =>
        Start(() => Add(list, attachment, cancellation), cancellation);

    /// <summary><see cref="Delete"/> as a task.</summary>
    /// <param name="list">The network.</param>
    /// <param name="attachment">The container's side.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <returns>The end of it.</returns>
    public Task DeleteAsync(NetworkList list, Attachment attachment, CancellationToken cancellation = default) =>
        Start(() => Delete(list, attachment, cancellation), cancellation);

    /// <summary><see cref="Check"/> as a task.</summary>
    /// <param name="list">The network.</param>
    /// <param name="attachment">The container's side.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <returns>The end of it.</returns>
    public Task CheckAsync(NetworkList list, Attachment attachment, CancellationToken cancellation = default) =>
        Start(() => Check(list, attachment, cancellation), cancellation);

    /// <summary><see cref="Status"/> as a task.</summary>
    /// <param name="list">The network.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <returns>The end of it.</returns>
    public Task StatusAsync(NetworkList list, CancellationToken cancellation = default) =>
        Start(() => Status(list, cancellation), cancellation);

    /// <summary><see cref="GarbageCollect"/> as a task.</summary>
    /// <param name="list">The network.</param>
    /// <param name="valid">The attachments to keep; null and an empty list differ.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <returns>The end of it.</returns>
    public Task GarbageCollectAsync(NetworkList list, IReadOnlyList<CniAttachment>? valid, CancellationToken cancellation = default) =>
        Start(() => GarbageCollect(list, valid, cancellation), cancellation);

    /// <summary><see cref="Versions"/> as a task.</summary>
    /// <param name="type">Name of the plugin.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <returns>The plugin's answer.</returns>
    public Task<PluginVersions> VersionsAsync(string type, CancellationToken cancellation = default) =>
        Start(() => Versions(type, cancellation), cancellation);

    /// <summary><see cref="Validate(NetworkList, CancellationToken)"/> as a task.</summary>
    /// <param name="list">The network.</param>
    /// <param name="cancellation">Ends it early.</param>
    /// <returns>The capabilities that its plugins declare.</returns>
    public Task<IReadOnlyList<string>> ValidateAsync(NetworkList list, CancellationToken cancellation = default) =>
        Start(() => Validate(list, cancellation), cancellation);

    // A thread of its own: plugins take from a millisecond to the seconds of a DHCP exchange, and the pool is for shorter work.
    private static Task<T> Start<T>(Func<T> work, CancellationToken cancellation) =>
        Task.Factory.StartNew(work, cancellation, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);

    private static Task Start(Action work, CancellationToken cancellation) =>
        Task.Factory.StartNew(work, cancellation, TaskCreationOptions.LongRunning | TaskCreationOptions.DenyChildAttach, TaskScheduler.Default);
}
