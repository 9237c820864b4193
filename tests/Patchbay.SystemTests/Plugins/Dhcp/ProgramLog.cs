using System.Diagnostics;
using System.Globalization;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Dhcp;

/// <summary>A program that runs in the background, and what it says on standard error.</summary>
internal sealed class ProgramLog
{
    private readonly Process _process;
    private readonly List<string> _lines = [];
    private int _read;
    private bool _ended;

    internal ProgramLog(Process process)
    {
        _process = process;
        Id = process.Id;
        new Thread(() =>
        {
            while (process.StandardError.ReadLine() is { } line)
                Add(line, end: false);
            Add("", end: true);
        }) { IsBackground = true }.Start();
    }

    internal int Id { get; }

    internal string Text
    {
        get
        {
            lock (_lines)
                return string.Join('\n', _lines);
        }
    }

    /// <summary>How often a text has been said.</summary>
    internal int Count(string text)
    {
        lock (_lines)
            return _lines.Count(line => line.Contains(text, StringComparison.Ordinal));
    }

    /// <summary>The next line with this text, after the one that was last waited for.</summary>
    internal string WaitFor(string text)
    {
        lock (_lines)
        {
            for (var limit = Stopwatch.StartNew(); ; Monitor.Wait(_lines, 1000))
            {
                for (; _read < _lines.Count; _read++)
                {
                    if (_lines[_read].Contains(text, StringComparison.Ordinal))
                        return _lines[_read++];
                }

                if (_ended || limit.Elapsed > Command.DefaultLimit)
                    Assert.Fail($"never said \"{text}\"{(_ended ? ", and ended" : "")}:\n{string.Join('\n', _lines)}");
            }
        }
    }

    internal void Kill() => End("-KILL");

    /// <summary>Ends it by a signal.</summary>
    /// <returns>Its exit status.</returns>
    internal int End(string signal = "-TERM")
    {
        Command.Run(["kill", signal, Id.ToString(CultureInfo.InvariantCulture)]).Check();
        Assert.True(_process.WaitForExit(Command.DefaultLimit), $"did not end by {signal}: {Text}");
        return _process.ExitCode;
    }

    internal int WaitForExit()
    {
        Assert.True(_process.WaitForExit(Command.DefaultLimit), $"did not end: {Text}");
        return _process.ExitCode;
    }

    /// <summary>Stops it where it is: a server that says nothing.</summary>
    internal void Freeze() => Command.Run(["kill", "-STOP", Id.ToString(CultureInfo.InvariantCulture)]).Check();

    internal void Thaw() => Command.Run(["kill", "-CONT", Id.ToString(CultureInfo.InvariantCulture)]).Check();

    private void Add(string line, bool end)
    {
        lock (_lines)
        {
            if (end)
                _ended = true;
            else
                _lines.Add(line);
            Monitor.PulseAll(_lines);
        }
    }
}
