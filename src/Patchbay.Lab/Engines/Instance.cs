using System.Collections.ObjectModel;

namespace Patchbay.Lab.Engines;

/// <summary>One run of a container: the container and the process that it has now.</summary>
internal sealed record Instance
{
    // https://github.com/compose-spec: what docker-compose writes on each container
    private const string ProjectLabel = "com.docker.compose.project";
    private const string ServiceLabel = "com.docker.compose.service";
    private const string IndexLabel = "com.docker.compose.container-number";
    private const string WorkingDirectoryLabel = "com.docker.compose.project.working_dir";

    /// <summary>The engine's id of the container; it stays over a restart.</summary>
    public required string Id { get; init; }

    /// <summary>The container's name, without the slash that Docker puts before it.</summary>
    public required string Name { get; init; }

    /// <summary>Its first process, in the process namespace of the caller's /proc.</summary>
    public required int Pid { get; init; }

    /// <summary>When that process started, in clock ticks since boot (/proc/PID/stat): numbers of processes are used again.</summary>
    public required ulong StartTime { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = ReadOnlyDictionary<string, string>.Empty;

    public bool IsPaused { get; init; }

    /// <summary>The handle of its network namespace, for <see cref="Netlink.NetworkNamespace.Open"/>.</summary>
    public string NamespacePath { get => field ?? $"/proc/{Pid}/ns/net"; init; }

    /// <summary>The compose project; null without one.</summary>
    public string? Project => Labels.GetValueOrDefault(ProjectLabel);

    /// <summary>The compose service; null without one.</summary>
    public string? Service => Labels.GetValueOrDefault(ServiceLabel);

    /// <summary>The replica's number within its service, from 1; 1 without one.</summary>
    public int Index => int.TryParse(Labels.GetValueOrDefault(IndexLabel), out var index) && index > 0 ? index : 1;

    /// <summary>The directory of the compose project; null without one.</summary>
    public string? WorkingDirectory => Labels.GetValueOrDefault(WorkingDirectoryLabel);

    /// <summary>What the files call it, of the containers that a lab had started; null of any other.</summary>
    public string? NodeOf(string lab) => Labels.GetValueOrDefault(LabContainer.LabLabel) == lab ? Labels.GetValueOrDefault(LabContainer.NodeLabel) : null;

    /// <summary>What tells one run from every other.</summary>
    public InstanceKey Key => new(Id, Pid, StartTime);
}

/// <summary>What tells one run of a container from every other: the inode of its namespace does not, for inodes are used again at once.</summary>
/// <param name="Id">The engine's id of the container.</param>
/// <param name="Pid">Its first process.</param>
/// <param name="StartTime">When that process started, in clock ticks since boot.</param>
internal readonly record struct InstanceKey(string Id, int Pid, ulong StartTime);
