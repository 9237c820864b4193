using System.Globalization;

namespace Patchbay.Cni.Plugin;

/// <summary>How a program ended and what it printed.</summary>
public sealed class ChildResult
{
    private readonly int _status;

    internal ChildResult(int status, ReadOnlyMemory<byte> output, ReadOnlyMemory<byte> error)
    {
        _status = status;
        Output = output;
        Error = error;
    }

    /// <summary>Standard output.</summary>
    public ReadOnlyMemory<byte> Output { get; }

    /// <summary>Standard error.</summary>
    public ReadOnlyMemory<byte> Error { get; }

    /// <summary>True when the program ended by itself with status 0.</summary>
    public bool Succeeded => _status == 0;

    /// <summary>The exit status; -1 when a signal ended the program.</summary>
    public int ExitCode => Signal == 0 ? (_status >> 8) & 0xff : -1; // WEXITSTATUS of wait(2)

    /// <summary>The signal that ended the program, or 0.</summary>
    public int Signal => _status & 0x7f; // WTERMSIG

    /// <summary>How it ended, in words.</summary>
    public string Exit => Signal == 0
        ? string.Create(CultureInfo.InvariantCulture, $"exit status {ExitCode}")
        : string.Create(CultureInfo.InvariantCulture, $"signal {Signal}");
}
