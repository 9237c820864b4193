using System.Text.Json;
using Patchbay.Lab.Plan;
using Patchbay.Lab.Schema;

namespace Patchbay.Lab.Engines.Docker;

/// <content>Containers that a lab has the engine run for it; labels tell whose they are.</content>
internal sealed partial class DockerEngine
{
    public async Task<bool> HasImageAsync(string image, CancellationToken cancellation)
    {
        try
        {
            // A name of an image may have a registry's slashes in it, which the engine wants as they are.
            await _client.GetAsync($"images/{Escape(image).Replace("%2F", "/", StringComparison.Ordinal).Replace("%3A", ":", StringComparison.Ordinal)}/json", DockerJson.Default.ImageDetails, cancellation).ConfigureAwait(false);
            return true;
        }
        catch (EngineException missing) when (missing.IsNotFound)
        {
            return false;
        }
    }

    /// <summary>The containers that a lab had started, whether they run or not.</summary>
    public async Task<IReadOnlyList<LabContainer>> ListMadeAsync(string lab, CancellationToken cancellation)
    {
        var filter = Filter(new() { ["label"] = [$"{LabContainer.LabLabel}={lab}"] });
        var found = await _client.GetAsync($"containers/json?all=true&filters={filter}", DockerJson.Default.ListContainerSummary, cancellation).ConfigureAwait(false);
        return [.. found.Select(each => new LabContainer(
            each.Id,
            each.Labels?.GetValueOrDefault(LabContainer.NodeLabel) ?? "",
            each.Labels?.GetValueOrDefault(LabContainer.DigestLabel) ?? "",
            each.State is "running" or "paused"))];
    }

    /// <summary>Makes a container and starts it, without a network.</summary>
    /// <returns>Its id.</returns>
    public async Task<string> RunAsync(string lab, LabContainerConfig container, CancellationToken cancellation)
    {
        var labels = new Dictionary<string, string> { [LabContainer.LabLabel] = lab, [LabContainer.NodeLabel] = container.Name.Text, [LabContainer.DigestLabel] = DigestOf(container) };
        var made = await _client.PostAsync(
            $"containers/create?name={Escape($"{lab}-{container.Name.Text}")}",
            CreationOf(container) with { Labels = labels },
            DockerJson.Default.ContainerCreation,
            DockerJson.Default.ContainerCreated,
            cancellation).ConfigureAwait(false);
        try
        {
            await StartAsync(made.Id, cancellation).ConfigureAwait(false);
        }
        catch
        {
            await RemoveAsync(made.Id, CancellationToken.None).ConfigureAwait(false);
            throw;
        }

        return made.Id;
    }

    public Task StartAsync(string id, CancellationToken cancellation) => _client.CallAsync(HttpMethod.Post, $"containers/{Escape(id)}/start", cancellation);

    /// <summary>Ends and removes a container, with the volumes that only it has.</summary>
    public async Task RemoveAsync(string id, CancellationToken cancellation)
    {
        try
        {
            await _client.CallAsync(HttpMethod.Delete, $"containers/{Escape(id)}?force=true&v=true", cancellation).ConfigureAwait(false);
        }
        catch (EngineException missing) when (missing.IsNotFound)
        {
            return; // somebody was faster
        }
    }

    /// <summary>What a container was made of: another one is made where it differs.</summary>
    public static string DigestOf(LabContainerConfig container) => StableHash.Text(JsonSerializer.Serialize(CreationOf(container), DockerJson.Default.ContainerCreation));

    private static ContainerCreation CreationOf(LabContainerConfig container)
    {
        var options = container.Options;
        return new ContainerCreation
        {
            Image = container.Image.Text,
            Labels = [],
            Cmd = OrNull(container.Command),
            Entrypoint = options.EntryPoint is { } program ? [program] : null,
            Env = OrNull(options.Environment),
            Hostname = options.HostName ?? container.Name.Text,
            User = options.User,
            WorkingDir = options.WorkingDirectory,
            HostConfig = new HostConfig
            {
                // conlink's: a host of mininet's is root of its network, and may do what a router's software wants.
                CapAdd = ["SYS_ADMIN", "NET_ADMIN", "NET_RAW", "NET_BROADCAST", "SYS_NICE", "IPC_LOCK", .. options.Capabilities],
                Binds = OrNull(options.Volumes),
                SecurityOpt = OrNull(options.SecurityOptions),
                Sysctls = options.Sysctls.Count == 0 ? null : options.Sysctls,
                Tmpfs = options.Tmpfs.Count == 0 ? null : options.Tmpfs,
                Privileged = options.Privileged,
            },
        };
    }

    private static IReadOnlyList<string>? OrNull(IReadOnlyList<string> list) => list.Count == 0 ? null : list;
}
