namespace Patchbay.Bench.Subjects;

/// <summary>One container and its interface, from ADD to DEL.</summary>
internal sealed class Attachment(int index, NetworkNamespace? container)
{
    /// <summary>A number no other attachment of the subject has, from 1.</summary>
    internal int Index => index;

    /// <summary>The container's namespace; null where the work needs none.</summary>
    internal NetworkNamespace? Container => container;

    internal string ContainerId { get; } = $"bench-{index:d6}";

    internal string NetnsPath => container?.Path ?? "/run/netns/none";

    /// <summary>What ADD printed: CHECK and DEL get it back as prevResult.</summary>
    internal byte[] AddResult { get; set; } = [];

    /// <summary>The container's addresses as <c>ip</c> showed them after ADD, where that was looked at.</summary>
    internal IReadOnlyList<string> Addresses { get; set; } = [];
}
