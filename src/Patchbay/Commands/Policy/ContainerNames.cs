using System.CommandLine;
using Patchbay.Policy.Agent;
using Patchbay.Policy.Agent.Containers;

namespace Patchbay.Commands.Policy;

/// <summary>The options by which commands find the datastore, for the names of containers and apps.</summary>
internal sealed class ContainerNames
{
    internal Option<FileInfo?> Config { get; } = new("--config") { Description = "the agent's configuration, for the datastore" };

    internal Option<FileInfo?> Datastore { get; } = new("--datastore") { Description = "the CNI wrapper's datastore; without it and --config there are addresses and handles, but no apps" };

    /// <exception cref="InvalidDataException">A file that was named cannot be read.</exception>
    internal async Task<IReadOnlyList<LocalContainer>> ReadAsync(ParseResult result, CancellationToken cancel)
    {
        string? path = result.GetValue(Datastore)?.FullName ?? (result.GetValue(Config) is { } file ? AgentConfiguration.Read(file.FullName).CniDatastorePath : null);
        if (path is null)
            return [];
        var datastore = new Datastore(path);
        await datastore.RefreshAsync(cancel);
        return datastore.Containers!;
    }
}
