using Patchbay.Lab.Engines;
using Patchbay.Lab.Engines.Containerd;
using Patchbay.Lab.Engines.Docker;
using Patchbay.Lab.Engines.Runc;

namespace Patchbay.Lab.Life;

/// <summary>The engines that a lab is told of, and the compose project that it belongs to.</summary>
internal static class EngineChoice
{
    /// <exception cref="EngineException">The files name containers, and no engine is there.</exception>
    public static IReadOnlyList<Engine> Open(LabOptions options)
    {
        var engines = new List<Engine>();
        if (options.DockerSocket is not null || Listens(DockerEngine.DockerSocket))
            engines.Add(new DockerEngine("docker", options.DockerSocket ?? DockerEngine.DockerSocket));
        if (options.PodmanSocket is not null || Listens(DockerEngine.PodmanSocket))
            engines.Add(new DockerEngine("podman", options.PodmanSocket ?? DockerEngine.PodmanSocket));
        if (options.ContainerdSocket is { } containerd)
            engines.Add(new ContainerdEngine(containerd));
        if (options.HookSocket is { } hooks)
            engines.Add(new RuncEngine(hooks));
        if (options.Namespaces)
            engines.Add(new NamespaceEngine());
        return engines.Count > 0
            ? engines
            : throw new EngineException("engines", $"the files name containers, but neither {DockerEngine.DockerSocket} nor {DockerEngine.PodmanSocket} is there; start an engine, or tell where one listens (--docker-socket, --podman-socket, --containerd-socket, --hook-socket, --namespaces)");
    }

    /// <summary>The project that is told, that of the container which this process runs in, or that of the files; null for any.</summary>
    public static async Task<string?> ProjectAsync(LabOptions options, IReadOnlyList<Engine> engines, CancellationToken cancellation)
    {
        if (options.Project is not null)
            return options.Project;
        if (OwnContainer.FindId() is not { } own)
            return options.FilesProject;
        foreach (var engine in engines)
        {
            try
            {
                if (await engine.FindAsync(own, cancellation).ConfigureAwait(false) is { Project: { } project })
                    return project;
            }
            catch (EngineException)
            {
                continue; // it does not answer; the watch says so
            }
        }

        return options.FilesProject;
    }

    private static bool Listens(string socket) => File.Exists(socket);
}
