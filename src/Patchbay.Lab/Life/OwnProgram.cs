namespace Patchbay.Lab.Life;

/// <summary>This very program, to be started again.</summary>
internal static class OwnProgram
{
    /// <summary>Its file; behind <c>dotnet</c> when that runs it, as in the middle of development.</summary>
    public static IReadOnlyList<string> Words { get; } =
        Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet" ? [Environment.ProcessPath!, Environment.GetCommandLineArgs()[0]] : [Environment.ProcessPath!];
}
