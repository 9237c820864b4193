using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Patchbay.Lab.Life;

namespace Patchbay.Commands.Lab;

/// <summary>A lab in a terminal: what it says, line after line, and below that what it waits for and why.</summary>
/// <remarks>
/// Lines that were said are written once and never touched again. Only the state below them is drawn anew, in lines that are cut so as to fit: then the cursor
/// need not go up by more lines than were written, whatever the terminal's size has become.
/// </remarks>
internal sealed class LiveView : IDisposable
{
    // console_codes(4): to the beginning of the line, so many lines up, and everything from there on gone
    private const string Escape = "\e[";
    private const int DefaultWidth = 80;
    private const int MostReasons = 8;

    private readonly Lock _lock = new();
    private readonly string _lab;
    private readonly LabStatus _status;
    private readonly TextWriter _output;
    private readonly PosixSignalRegistration _resized;
    private readonly bool _colours = string.IsNullOrEmpty(Environment.GetEnvironmentVariable("NO_COLOR"));
    private List<int> _drawn = [];
    private bool _ended;

    public LiveView(string lab, LabStatus status, TextWriter output)
    {
        (_lab, _status, _output) = (lab, status, output);
        _resized = PosixSignalRegistration.Create(PosixSignal.SIGWINCH, _ => Draw());
        _status.Changed += Draw;
        Draw();
    }

    /// <summary>Whether somebody looks: the output is a terminal, and one that can move its cursor.</summary>
    public static bool IsPossible => !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("TERM") is { Length: > 0 } and not "dumb";

    private static int Width => Console.WindowWidth is > 1 and var width ? width : DefaultWidth;

    /// <summary>Writes a line, above the state.</summary>
    public void Add(string line)
    {
        lock (_lock)
        {
            Erase();
            _output.Write($"{line}\n");
            Write();
        }
    }

    /// <summary>The state is gone, what was said stays.</summary>
    public void Dispose()
    {
        _status.Changed -= Draw;
        _resized.Dispose();
        lock (_lock)
        {
            _ended = true;
            Erase();
            _output.Flush();
        }
    }

    private void Draw()
    {
        lock (_lock)
        {
            if (_ended)
                return;
            Erase();
            Write();
        }
    }

    private void Erase()
    {
        if (_drawn.Count == 0)
            return;
        // A terminal that became narrower has broken what was drawn into more lines.
        var width = Width;
        var up = _drawn.Sum(length => Math.Max(1, (length + width - 1) / width)) - 1;
        _output.Write(up > 0 ? string.Create(CultureInfo.InvariantCulture, $"\r{Escape}{up}A{Escape}J") : $"\r{Escape}J");
        _drawn = [];
    }

    private void Write()
    {
        if (_ended)
        {
            _output.Flush();
            return;
        }

        var reasons = _status.Waiting.Select(each => $"{each}: no container of that name runs").ToList();
        if (_status.Problem is { } problem)
            reasons.AddRange(problem.Split('\n').Select(line => $"cannot be wired, and is tried again: {line}"));
        var more = reasons.Count - MostReasons;
        if (more > 0)
        {
            reasons.RemoveRange(MostReasons, more);
            reasons.Add($"and {more} more");
        }

        var text = new StringBuilder();
        Append(text, _status.Connected ? $"{_lab}: all {_status.Links} links connected; Ctrl-C takes the lab away" : $"{_lab}: waiting; Ctrl-C takes the lab away", _status.Connected ? 32 : 33);
        foreach (var reason in reasons)
        {
            text.Append('\n');
            Append(text, $"  {reason}", 33);
        }

        _output.Write(text);
        _output.Flush();
    }

    private void Append(StringBuilder text, string line, int colour)
    {
        // Some columns stay free: some terminals break a line as soon as it is full, and all show "^C" behind the last.
        var most = Math.Max(2, Width - 3);
        var cut = line.Length <= most ? line : string.Concat(line.AsSpan(0, most - 1), "…");
        _drawn.Add(cut.Length);
        if (_colours)
            text.Append(CultureInfo.InvariantCulture, $"{Escape}{colour}m{cut}{Escape}0m");
        else
            text.Append(cut);
    }
}
