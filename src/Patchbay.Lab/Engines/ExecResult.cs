namespace Patchbay.Lab.Engines;

/// <summary>How a command inside an instance ended.</summary>
/// <param name="ExitCode">Its exit status; 128 and the signal when one ended it.</param>
/// <param name="StandardOutput">What it printed; <see cref="MostOutput"/> bytes of it at most.</param>
/// <param name="StandardError">What it complained about, likewise.</param>
internal sealed record ExecResult(int ExitCode, string StandardOutput, string StandardError)
{
    /// <summary>Bytes of each stream that are kept; a command may print for ever.</summary>
    public const int MostOutput = 1 << 20;
}
