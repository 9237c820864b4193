using System.Diagnostics;
using Patchbay.SystemTests.Engines;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Lab.Engines;

namespace Patchbay.SystemTests.Lab;

/// <summary>A lab in the foreground, whose output is read.</summary>
internal sealed class FollowedLab : IDisposable
{
    private readonly DockerEngine _docker;
    private readonly List<string> _lines = [];
    private Process? _process;

    /// <param name="docker">The engine, on whose host the lab is.</param>
    /// <param name="text">The lab's file.</param>
    /// <param name="name">What that is called.</param>
    public FollowedLab(DockerEngine docker, string text, string name = "lab.yaml")
    {
        _docker = docker;
        Name = $"lab{Guid.NewGuid().ToString("N")[..8]}";
        File = Path.Combine(Directory.CreateDirectory(Path.Combine(docker.Host.Directory, Name)).FullName, name);
        System.IO.File.WriteAllText(File, text);
    }

    public string Name { get; }

    public string File { get; }

    public string First => $"{Name}-1";

    public string Second => $"{Name}-2";

    public void Start(params string[] options)
    {
        lock (_lines)
            _lines.Clear();
        _process = _docker.Host.Start(Line("up", options), Variables);
        _process.OutputDataReceived += (_, e) => Add(e.Data);
        _process.ErrorDataReceived += (_, e) => Add(e.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public CommandResult RunUp(params string[] options) => _docker.Host.Run(Line("up", options), null, Variables);

    public void Down() => _docker.Host.Run(Line("down"), null, Variables).Check();

    public void Kill()
    {
        _process!.Kill();
        _process.WaitForExit();
    }

    /// <summary>Waits for a line that has a text, or for so many.</summary>
    public void Says(string text, int times = 1)
    {
        long deadline = Environment.TickCount64 + (long)Command.DefaultLimit.TotalMilliseconds;
        lock (_lines)
        {
            while (_lines.Count(line => line.Contains(text, StringComparison.Ordinal)) < times)
            {
                if (_process!.HasExited || !Monitor.Wait(_lines, TimeSpan.FromMilliseconds(Math.Max(1, deadline - Environment.TickCount64))))
                    Assert.Fail($"the lab does not say \"{text}\" {times} times; it said:\n{string.Join('\n', _lines)}");
            }
        }
    }

    public void Dispose()
    {
        if (_process is { HasExited: false })
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _docker.Host.Run(Line("down"), null, Variables);
        foreach (string name in (string[])[First, Second])
            _docker.Docker("rm", "--force", name);
    }

    /// <summary>What the lab's files may ask for.</summary>
    public Dictionary<string, string?> Variables => field ??= new() { ["NODE_NAME_1"] = First, ["NODE_NAME_2"] = Second };

    private string[] Line(string verb, params string[] options) =>
        [.. PatchbayProgram.Line, "lab", verb, .. verb == "up" && !options.Contains("--network-file") ? (string[])[File] : [], "--name", Name, "--docker-socket", Path.Combine(_docker.Host.Directory, "docker.sock"), .. options];

    private void Add(string? line)
    {
        if (line is null)
            return;
        lock (_lines)
        {
            _lines.Add(line);
            Monitor.PulseAll(_lines);
        }
    }
}
