using System.Diagnostics;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Tools;

namespace Patchbay.SystemTests.Lab;

/// <summary>A process that keeps a lab, <c>patchbay lab up</c> in the foreground.</summary>
internal static class LabProcess
{
    /// <summary>Reads on until it says something.</summary>
    /// <returns>What it said until then.</returns>
    public static string Says(Process lab, string text)
    {
        var said = new List<string>();
        using var limit = new CancellationTokenSource(Command.DefaultLimit);
        try
        {
            while (lab.StandardOutput.ReadLineAsync(limit.Token).AsTask().GetAwaiter().GetResult() is { } line)
            {
                said.Add(line);
                if (line.Contains(text, StringComparison.Ordinal))
                    return string.Join('\n', said);
            }
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"the lab does not say \"{text}\"; it said:\n{string.Join('\n', said)}");
        }

        Assert.Fail($"the lab ended without \"{text}\"; it said:\n{string.Join('\n', said)}\n{lab.StandardError.ReadToEnd()}");
        return "";
    }

    /// <summary>Ends it as Ctrl-C does.</summary>
    public static void End(Process lab)
    {
        RunHost.Send("INT", lab.Id);
        Assert.True(lab.WaitForExit(Command.DefaultLimit), "the lab does not end");
        Assert.Equal(0, lab.ExitCode);
    }
}
