namespace Patchbay.Lab.Engines;

/// <summary>A container that a lab had an engine start.</summary>
/// <param name="Id">The engine's id.</param>
/// <param name="Node">What the files call it.</param>
/// <param name="Digest">What it was made of.</param>
/// <param name="Runs">Whether it runs.</param>
internal sealed record LabContainer(string Id, string Node, string Digest, bool Runs)
{
    // The marks: by them such a container is found again, whatever has become of the lab's process.

    /// <summary>Label with the lab's name.</summary>
    public const string LabLabel = "patchbay.lab";

    /// <summary>Label with <see cref="Node"/>.</summary>
    public const string NodeLabel = "patchbay.node";

    /// <summary>Label with <see cref="Digest"/>.</summary>
    public const string DigestLabel = "patchbay.digest";
}
