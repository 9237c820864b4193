using System.Diagnostics;
using System.Text;

namespace Patchbay.Lab.Engines;

/// <summary>How a command inside an instance ended.</summary>
/// <param name="ExitCode">Its exit status; 128 and the signal when one ended it.</param>
/// <param name="StandardOutput">What it printed; <see cref="MostOutput"/> bytes of it at most.</param>
/// <param name="StandardError">What it complained about, likewise.</param>
internal sealed record ExecResult(int ExitCode, string StandardOutput, string StandardError)
{
    /// <summary>Bytes of each stream that are kept; a command may print for ever.</summary>
    public const int MostOutput = 1 << 20;

    /// <summary>Waits for the end of a child whose streams are redirected; it gets no input.</summary>
    public static async Task<ExecResult> OfAsync(Process child, CancellationToken cancellation)
    {
        child.StandardInput.Close();
        var output = ReadAsync(child.StandardOutput, cancellation);
        var error = ReadAsync(child.StandardError, cancellation);
        await child.WaitForExitAsync(cancellation).ConfigureAwait(false);
        return new ExecResult(child.ExitCode, await output.ConfigureAwait(false), await error.ConfigureAwait(false));
    }

    private static async Task<string> ReadAsync(StreamReader from, CancellationToken cancellation)
    {
        var kept = new StringBuilder();
        var buffer = new char[4096];
        int got;
        while ((got = await from.ReadAsync(buffer, cancellation).ConfigureAwait(false)) > 0)
            kept.Append(buffer, 0, Math.Min(got, MostOutput - kept.Length));
        return kept.ToString();
    }
}
