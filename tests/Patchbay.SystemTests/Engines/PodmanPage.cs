namespace Patchbay.SystemTests.Engines;

/// <summary>The headings of docs/engines/podman.md whose commands the tests type.</summary>
internal static class PodmanPage
{
    public const string Path = "docs/engines/podman.md";
    public const string Configuration = "Tell Podman";
    public const string Image = "An image to try it with";
    public const string Network = "A network with both families";
    public const string Ports = "Ports";
    public const string Addresses = "Addresses by choice";
    public const string TwoNetworks = "Two networks";
    public const string LostRules = "Lost rules";
    public const string Pods = "Pods";
    public const string End = "The end";
}
