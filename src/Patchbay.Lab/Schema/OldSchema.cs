namespace Patchbay.Lab.Schema;

/// <summary>Reads a network in the language of conlink's first versions: cables with a left and a right end, and <c>mininet-cfg</c>.</summary>
internal sealed class OldSchema(Problems problems, IReadOnlyDictionary<string, int> services)
{
    private readonly Problems _problems = problems;

    public static bool IsOld(ConfigNode network) =>
        network["mininet-cfg"] is not null || network["interfaces"] is not null || network["network-settings"] is not null
        || (network["links"] is { Kind: ConfigKind.List } links && links.Items.Any(link => link["left"] is not null || link["right"] is not null));

    public LabConfig Read(ConfigNode network)
    {
        _problems.Add(network.At, "", "the language of conlink 1 (mininet-cfg, left and right) is not read yet");
        return new LabConfig { Services = services };
    }
}
