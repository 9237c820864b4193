using System.Globalization;

namespace Patchbay.Plugins.Tools.NetRun;

/// <summary>One run: everything that it makes has its id for a name, so that it can be removed without any other memory of it.</summary>
/// <param name="Tool">priv-net-run or docker-run.</param>
/// <param name="Id">Container id of the networks, name of the namespace and of the holder container.</param>
internal sealed record RunIdentity(string Tool, string Id)
{
    internal bool IsDocker => Tool == RunTool.DockerRunName;

    /// <summary>A run that is like no other.</summary>
    internal static RunIdentity New(string tool) => new(tool, string.Create(CultureInfo.InvariantCulture, $"{tool}-{Random.Shared.NextInt64(1L << 48):x12}"));
}
