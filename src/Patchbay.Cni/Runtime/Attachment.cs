using System.Text.Json;
using Patchbay.Cni.Model;

namespace Patchbay.Cni.Runtime;

/// <summary>What the runtime tells of one container's connection to one network.</summary>
public sealed record Attachment
{
    /// <summary>The container.</summary>
    public required string ContainerId { get; init; }

    /// <summary>Path of its network namespace; may be empty for DEL.</summary>
    public string NetnsPath { get; init; } = "";

    /// <summary>The interface to make in it.</summary>
    public required string IfName { get; init; }

    /// <summary>CNI_ARGS, in order.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Args { get; init; } = [];

    /// <summary>Capability arguments by name, each as JSON; a plugin gets those that it declares.</summary>
    public IReadOnlyDictionary<string, JsonElement> CapabilityArgs { get; init; } = new Dictionary<string, JsonElement>();

    internal string ArgsText => string.Join(';', Args.Select(pair => $"{pair.Key}={pair.Value}"));

    internal CniAttachment Id => new(ContainerId, IfName);

    internal void Validate()
    {
        Validation.ContainerId(ContainerId);
        Validation.InterfaceName(IfName);
    }
}
