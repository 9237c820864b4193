using Patchbay.Cni.Model;

namespace Patchbay.Cni.Runtime;

/// <summary>What the cache keeps of an attachment.</summary>
/// <param name="NetworkName">The network.</param>
/// <param name="Attachment">What the runtime told at ADD.</param>
/// <param name="Config">The text of the list at ADD; empty in files of before 0.7.</param>
/// <param name="Result">What the chain returned, as far as it came; null when no plugin had returned anything.</param>
public sealed record CachedAttachment(string NetworkName, Attachment Attachment, ReadOnlyMemory<byte> Config, CniResult? Result)
{
    /// <summary>False when the ADD did not come to its end: it is running, it failed, or its runtime was killed. Only DEL makes sense then.</summary>
    public bool IsComplete { get; init; } = true;
}
