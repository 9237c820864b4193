using System.Diagnostics;

namespace Patchbay.SystemTests.Harness;

/// <summary>Waiting with a limit: what never comes fails its test, and does not hold up the suite.</summary>
internal static class Wait
{
    /// <summary>Waits for something that nobody announces.</summary>
    public static void Until(string what, Func<bool> holds, TimeSpan? limit = null)
    {
        long started = Stopwatch.GetTimestamp();
        while (!holds())
        {
            if (Stopwatch.GetElapsedTime(started) > (limit ?? Command.DefaultLimit))
                Assert.Fail($"not within the limit: {what}");
            Thread.Sleep(20);
        }
    }

    /// <summary>The next line that a program writes to its standard output; null when it has ended.</summary>
    public static string? NextLine(this Process process)
    {
        Task<string?> line = process.StandardOutput.ReadLineAsync();
        Assert.True(line.Wait(Command.DefaultLimit), $"process {process.Id} says nothing");
        return line.Result;
    }
}
