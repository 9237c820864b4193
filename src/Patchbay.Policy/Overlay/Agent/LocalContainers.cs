using Patchbay.Policy.Agent.Containers;

namespace Patchbay.Policy.Overlay.Agent;

/// <summary>Whether this host has containers, by the datastore in which the CNI wrapper writes them down.</summary>
internal sealed class LocalContainers(string path)
{
    private readonly Datastore _datastore = new(path);

    /// <summary>Why the lease may not be given up; null when there are no containers.</summary>
    /// <remarks>Where it cannot be known, there are some: to take away a network that is used is worse than to keep one that is not.</remarks>
    internal async Task<string?> HindranceAsync(CancellationToken cancel)
    {
        if (path.Length == 0)
            return "datastore is not set, so it is not known whether this host has containers";
        if (!File.Exists(path))
            return Directory.Exists(Path.GetDirectoryName(path)) ? null : $"datastore: {Path.GetDirectoryName(path)} is not there, so it is not known whether this host has containers";
        try
        {
            await _datastore.RefreshAsync(cancel);
            return _datastore.Containers is { Count: > 0 } containers ? $"this host has {containers.Count} containers" : null;
        }
        catch (InvalidDataException e)
        {
            return e.Message;
        }
    }
}
