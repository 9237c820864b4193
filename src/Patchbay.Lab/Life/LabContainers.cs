using Patchbay.Lab.Engines;
using Patchbay.Lab.Engines.Docker;
using Patchbay.Lab.Schema;

namespace Patchbay.Lab.Life;

/// <summary>The containers that a lab has an engine run for it: those inside of mininet-cfg. Like all containers they are linked when the engine tells of their start.</summary>
internal sealed class LabContainers(LabConfig config, string lab)
{
    private readonly List<(DockerEngine Engine, string Id)> _made = [];

    /// <summary>Starts those that do not run, and removes those that the files no longer have, or have otherwise.</summary>
    /// <exception cref="EngineException">One cannot be started; those that were made for this call are removed again.</exception>
    public async Task StartAsync(IReadOnlyList<Engine> engines, CancellationToken cancellation)
    {
        // Only who needs an engine at once minds that it does not answer yet.
        if (config.LabContainers.Count == 0)
            return;
        try
        {
            var wanted = config.LabContainers.ToDictionary(each => each.Name.Text, StringComparer.Ordinal);
            foreach (var engine in Able(engines))
            {
                foreach (var there in await engine.ListMadeAsync(lab, cancellation).ConfigureAwait(false))
                {
                    if (!wanted.TryGetValue(there.Node, out var container) || DockerEngine.DigestOf(container) != there.Digest)
                    {
                        await engine.RemoveAsync(there.Id, cancellation).ConfigureAwait(false);
                        continue;
                    }

                    if (!there.Runs)
                        await engine.StartAsync(there.Id, cancellation).ConfigureAwait(false);
                    wanted.Remove(there.Node);
                }
            }

            foreach (var container in config.LabContainers.Where(each => wanted.ContainsKey(each.Name.Text)))
            {
                var engine = await ChooseAsync(engines, container, cancellation).ConfigureAwait(false);
                _made.Add((engine, await engine.RunAsync(lab, container, cancellation).ConfigureAwait(false)));
            }
        }
        catch
        {
            await UndoAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Removes what was made for the last call.</summary>
    public async Task UndoAsync()
    {
        foreach (var (engine, id) in _made)
            await engine.RemoveAsync(id, CancellationToken.None).ConfigureAwait(false);
        _made.Clear();
    }

    /// <summary>Removes all that a lab had started.</summary>
    /// <exception cref="EngineException">An engine does not answer.</exception>
    public static async Task RemoveAsync(string lab, IReadOnlyList<Engine> engines)
    {
        foreach (var engine in Able(engines))
        {
            foreach (var there in await engine.ListMadeAsync(lab, CancellationToken.None).ConfigureAwait(false))
                await engine.RemoveAsync(there.Id, CancellationToken.None).ConfigureAwait(false);
        }
    }

    // Podman first: for conlink it was Podman that ran them.
    private static IEnumerable<DockerEngine> Able(IReadOnlyList<Engine> engines) => engines.OfType<DockerEngine>().Reverse();

    private static async Task<DockerEngine> ChooseAsync(IReadOnlyList<Engine> engines, LabContainerConfig container, CancellationToken cancellation)
    {
        foreach (var engine in Able(engines))
        {
            if (await engine.HasImageAsync(container.Image.Text, cancellation).ConfigureAwait(false))
                return engine;
        }

        var asked = string.Join(", ", Able(engines).Select(each => each.Name));
        throw new EngineException(asked.Length == 0 ? "engines" : asked, $"the container \"{container.Name.Text}\" needs the image \"{container.Image.Text}\", which {(asked.Length == 0 ? "only Docker and Podman can run for a lab; tell where one listens (--docker-socket, --podman-socket)" : "is not there; pull it first")}");
    }
}
