namespace Patchbay.Bench;

/// <summary>This very program, to be started again.</summary>
internal static class Self
{
    /// <summary>Program and first arguments: the apphost is this process's executable, or dotnet itself, which wants the assembly's path.</summary>
    internal static IReadOnlyList<string> Start => Path.GetFileName(Environment.ProcessPath) == "dotnet"
        ? [Environment.ProcessPath!, Path.Combine(AppContext.BaseDirectory, "Patchbay.Bench.dll")]
        : [Environment.ProcessPath!];
}
