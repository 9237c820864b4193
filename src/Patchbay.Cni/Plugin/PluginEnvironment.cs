using System.Collections;
using Microsoft.Win32.SafeHandles;

namespace Patchbay.Cni.Plugin;

/// <summary>Everything through which a plugin sees the world: variables, standard streams, the other plugins of its executable.</summary>
public sealed class PluginEnvironment
{
    /// <summary>Value of a variable, or null.</summary>
    public required Func<string, string?> Variable { get; init; }

    /// <summary>All variables, for the environment of a delegate.</summary>
    public required Func<IEnumerable<KeyValuePair<string, string>>> Variables { get; init; }

    /// <summary>Standard input.</summary>
    public required Stream Input { get; init; }

    /// <summary>Standard output: the result or the error object, nothing else.</summary>
    public required Stream Output { get; init; }

    /// <summary>Standard error: free text.</summary>
    public required Stream Error { get; init; }

    /// <summary>The plugins of this executable by name; a delegate that is one of them, and the same file, is called without a process.</summary>
    public Func<string, CniPlugin?> BuiltIn { get; init; } = static _ => null;

    /// <summary>How files are told apart.</summary>
    public Func<string, FileIdentity?> Identify { get; init; } = FileIdentity.Of;

    /// <summary>The environment of this process.</summary>
    /// <param name="builtIn">The plugins of this executable by name.</param>
    /// <returns>Variables and streams of the process.</returns>
    public static PluginEnvironment OfProcess(Func<string, CniPlugin?> builtIn) => new()
    {
        Variable = Environment.GetEnvironmentVariable,
        Variables = ProcessVariables,
        Input = Standard(0, FileAccess.Read),
        Output = Standard(1, FileAccess.Write),
        Error = Standard(2, FileAccess.Write),
        BuiltIn = builtIn,
    };

    internal static IEnumerable<KeyValuePair<string, string>> ProcessVariables()
    {
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
            yield return new((string)entry.Key, (string?)entry.Value ?? "");
    }

    // Not System.Console: its encodings and terminal set-up cost more than a whole VERSION.
    private static Stream Standard(int descriptor, FileAccess access)
    {
        try
        {
            return new FileStream(new SafeFileHandle(descriptor, ownsHandle: false), access, bufferSize: 0);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return Stream.Null; // the descriptor is closed, or open the other way: reads as empty
        }
    }
}
