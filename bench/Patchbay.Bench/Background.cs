using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Patchbay.Bench;

/// <summary>A program that runs beside the measured ones, a daemon; disposing it ends it.</summary>
internal sealed class Background : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    private readonly Process _process;
    private readonly StringBuilder _said = new();

    private Background(Process process) => _process = process;

    /// <summary>Starts a program in a namespace and waits until it is ready for work.</summary>
    /// <param name="host">Where it runs.</param>
    /// <param name="ready">Looked at until it is true, with what the program has said so far on standard error.</param>
    /// <param name="file">The program, or its full path.</param>
    /// <param name="arguments">What comes after its name.</param>
    internal static Background Start(NetworkNamespace host, Func<string, bool> ready, string file, params string[] arguments)
    {
        var start = new ProcessStartInfo(Command.Locate(file) ?? file, arguments)
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        // A child is in the network namespace of the thread that starts it.
        var background = new Background(host.Run(() => Process.Start(start)!));
        background.Listen(background._process.StandardOutput);
        background.Listen(background._process.StandardError);
        var since = Stopwatch.GetTimestamp();
        while (!ready(background.Said))
        {
            if (background._process.HasExited || Stopwatch.GetElapsedTime(since) > Limit)
            {
                background.Dispose();
                throw new BenchException($"{Path.GetFileName(file)} does not get ready: {background.Said}");
            }
            Thread.Sleep(10);
        }
        return background;
    }

    /// <summary>The largest resident size so far, in MiB (proc_pid_status(5), VmHWM).</summary>
    internal double PeakMebibytes
    {
        get
        {
            var line = File.ReadLines($"/proc/{_process.Id}/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
            return double.Parse(line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;
        }
    }

    private string Said
    {
        get
        {
            lock (_said)
                return _said.ToString();
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private void Listen(StreamReader from) => new Thread(() =>
    {
        while (from.ReadLine() is { } line)
        {
            lock (_said)
                _said.AppendLine(line);
        }
    }) { IsBackground = true }.Start();
}
