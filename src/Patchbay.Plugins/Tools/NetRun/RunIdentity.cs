using System.Globalization;

namespace Patchbay.Plugins.Tools.NetRun;

/// <summary>One run: everything that it makes has its id for a name, so that it can be removed without any other memory of it.</summary>
/// <param name="Tool">priv-net-run or docker-run.</param>
/// <param name="Id">Container id of the networks, name of the namespace and of the holder container.</param>
internal sealed record RunIdentity(string Tool, string Id)
{
    internal bool IsDocker => Tool == RunTool.DockerRunName;

    private const int Digits = 12;

    /// <summary>A run that is like no other.</summary>
    internal static RunIdentity New(string tool) => new(tool, string.Create(CultureInfo.InvariantCulture, $"{tool}-{Random.Shared.NextInt64(1L << (4 * Digits)):x12}"));

    /// <summary>Tells whether a name is the id of a run of a tool.</summary>
    internal static bool IsOf(string tool, string name) =>
        name.Length == tool.Length + 1 + Digits && name.StartsWith($"{tool}-", StringComparison.Ordinal) && name.Skip(tool.Length + 1).All(char.IsAsciiHexDigitLower);
}
