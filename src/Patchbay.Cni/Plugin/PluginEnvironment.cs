using System.Collections;

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
        Input = new DescriptorStream(0),
        Output = new DescriptorStream(1),
        Error = new DescriptorStream(2),
        BuiltIn = builtIn,
    };

    internal static IEnumerable<KeyValuePair<string, string>> ProcessVariables()
    {
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
            yield return new((string)entry.Key, (string?)entry.Value ?? "");
    }
}
