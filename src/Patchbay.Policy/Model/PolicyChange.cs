namespace Patchbay.Policy.Model;

/// <summary>What one committed transaction did to the policies.</summary>
/// <param name="Revision">The number of the state after it; unchanged when it did nothing.</param>
/// <param name="LastUpdated">When, in nanoseconds since 1970.</param>
/// <param name="Added">What is new.</param>
/// <param name="Removed">What is gone.</param>
internal sealed record PolicyChange(long Revision, long LastUpdated, IReadOnlyList<StoredPolicy> Added, IReadOnlyList<StoredPolicy> Removed)
{
    internal bool IsEmpty => Added.Count == 0 && Removed.Count == 0;
}
