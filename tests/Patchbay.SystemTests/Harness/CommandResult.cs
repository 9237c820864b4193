using System.Text.Json;

namespace Patchbay.SystemTests.Harness;

/// <summary>What a program said, and how it ended.</summary>
internal record CommandResult(string CommandLine, int ExitCode, string StandardOutput, string StandardError, TimeSpan Elapsed)
{
    /// <summary>Standard output as JSON. An empty output is an empty array: <c>ip -j</c> prints nothing where it has nothing to tell.</summary>
    public JsonElement Json => Parse(StandardOutput.Length == 0 ? "[]" : StandardOutput);

    /// <summary>This result, once the program is known to have ended well.</summary>
    public CommandResult Check()
    {
        if (ExitCode != 0)
            Assert.Fail(ToString());
        return this;
    }

    public sealed override string ToString() => $"$ {CommandLine}\nexit status {ExitCode} after {Elapsed.TotalMilliseconds:0} ms\n{StandardOutput}{StandardError}";

    private JsonElement Parse(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text);
            return document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"not JSON ({e.Message}): {this}", e);
        }
    }
}
