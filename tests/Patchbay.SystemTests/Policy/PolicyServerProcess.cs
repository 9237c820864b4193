using System.Diagnostics;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>A running policy server, and what it logged.</summary>
internal sealed class PolicyServerProcess
{
    private readonly Process _process;
    private readonly List<string> _log = [];
    private readonly Task _reading;

    private PolicyServerProcess(Process process)
    {
        _process = process;
        _reading = Task.Run(() =>
        {
            while (_process.StandardError.ReadLine() is { } line)
            {
                lock (_log)
                {
                    _log.Add(line);
                    Monitor.PulseAll(_log);
                }
            }

            lock (_log)
                Monitor.PulseAll(_log);
        });
    }

    public int Id => _process.Id;

    public string Log
    {
        get
        {
            lock (_log)
                return string.Join('\n', _log);
        }
    }

    public static PolicyServerProcess Start(TestHost host, IReadOnlyList<string> command, IReadOnlyDictionary<string, string?>? environment = null)
    {
        var server = new PolicyServerProcess(host.Start(command, environment));
        server.WaitForLog("listening: ");
        return server;
    }

    /// <summary>Waits until it logs a line with this text.</summary>
    public void WaitForLog(string text)
    {
        long start = Stopwatch.GetTimestamp();
        lock (_log)
        {
            while (!_log.Exists(each => each.Contains(text, StringComparison.Ordinal)))
            {
                TimeSpan left = Command.DefaultLimit - Stopwatch.GetElapsedTime(start);
                if (_reading.IsCompleted || left <= TimeSpan.Zero || !Monitor.Wait(_log, left))
                    Assert.Fail($"the policy server did not log \"{text}\":\n{string.Join('\n', _log)}");
            }
        }
    }

    /// <summary>Ends it as an init system does.</summary>
    /// <returns>Its exit status.</returns>
    public int Stop() => End("-TERM");

    public void Kill() => End("-KILL");

    private int End(string signal)
    {
        Command.Run(["kill", signal, $"{_process.Id}"]).Check();
        Assert.True(_process.WaitForExit(Command.DefaultLimit), $"still running after {signal}:\n{Log}");
        return _process.ExitCode;
    }
}
