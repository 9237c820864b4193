using System.Diagnostics;
using System.Globalization;
using System.Text;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Lab.Engines;

namespace Patchbay.SystemTests.Lab;

/// <summary>A lab in the foreground of a real terminal: that of script(1), whose size is what stty(1) says.</summary>
public sealed class LiveViewTests : IDisposable
{
    private readonly LabHost _lab = new();
    private readonly string _container;
    private readonly StringBuilder _written = new();
    private Process? _terminal;

    public LiveViewTests()
    {
        Needs.Program("script");
        _container = $"{_lab.Name}-left";
    }

    public void Dispose()
    {
        if (_terminal is { HasExited: false })
        {
            _terminal.Kill(entireProcessTree: true);
            _terminal.WaitForExit();
        }

        Command.Run(["ip", "netns", "del", _container]);
        _lab.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void It_shows_what_is_waited_for_and_why(bool noColor)
    {
        Start(columns: 100, noColor);
        Shows($"{_lab.Name}: waiting; Ctrl-C takes the lab away");
        Shows($"{_container}: no container of that name runs");

        // It has the interface before it has its name.
        Command.Run(["unshare", "--net", "sh", "-euc", "ip link add eth0 type bridge; ip netns attach \"$0\" $$", _container]).Check();
        Shows($"  cannot be wired, and is tried again: {_container} has an interface");
        _lab.In("left", "ip", "link", "del", "eth0").Check();
        Shows("all 1 links connected; Ctrl-C takes the lab away");
        Command.Run(["ip", "netns", "del", _container]).Check();
        Shows($"{_container}: no container of that name runs", times: 2);
        string all = Interrupt();

        Assert.Equal(!noColor, all.Contains("\e[33m", StringComparison.Ordinal));
        if (noColor)
            Assert.DoesNotMatch(@"\e\[[0-9;]*m", all);
        Assert.Empty(_lab.Interfaces());
    }

    [Theory]
    [InlineData(30)]
    [InlineData(200)]
    public void What_was_said_is_on_the_screen_once_whatever_its_width(int columns)
    {
        Start(columns);
        Shows(": waiting");
        Command.Run(["ip", "netns", "add", _container]).Check();
        Shows("All links connected");
        string all = Interrupt();

        TerminalScreen screen = new(columns);
        screen.Write(all);
        string[] said = ["Reached healthy state", $"still waiting for {_container}", $"{_container}: links connected", "All links connected", "Taking the lab down"];
        // Lines that are longer than the terminal is wide go on in the next row, as of any program.
        string[] expected = [.. said.SelectMany(line => line.Chunk(columns).Select(part => new string(part)))];
        Assert.Equal(expected.Order(StringComparer.Ordinal), screen.Rows.Order(StringComparer.Ordinal));
        Assert.Equal("Taking the lab down", screen.Rows[^1]);
    }

    [Fact]
    public void It_follows_the_size_of_the_terminal()
    {
        Start(columns: 20);
        Shows("…");
        Assert.DoesNotContain("no container of that name runs", _written.ToString(), StringComparison.Ordinal);

        Command.Run(["stty", "-F", File.ReadAllText(Path.Combine(_lab.Host.Directory, "tty")).Trim(), "cols", "120"]).Check();

        Shows($"{_container}: no container of that name runs");
        Interrupt();
    }

    [Theory]
    [InlineData("dumb")]
    [InlineData("")]
    public void A_terminal_that_cannot_move_its_cursor_gets_lines(string kind)
    {
        Start(columns: 80, kind: kind);
        Shows($"still waiting for {_container}");

        Assert.DoesNotContain('\e', Interrupt());
    }

    private void Start(int columns, bool noColor = false, string kind = "xterm")
    {
        string file = _lab.Write($"links: [{{container: {_container}, bridge: lan, ip: 10.0.1.1/24}}]");
        string line = string.Join(' ', PatchbayProgram.Line.Select(word => $"'{word}'"));
        File.WriteAllText(Path.Combine(_lab.Host.Directory, "run"), $"""
            cd {_lab.Host.Directory}
            tty >tty
            stty cols {columns.ToString(CultureInfo.InvariantCulture)} rows 24
            exec {line} lab up --name {_lab.Name} --namespaces {file}
            """);
        // Ctrl-C goes to all in the terminal: a shell that stayed around the lab would end by it, and its status would hide the lab's.
        _terminal = _lab.Host.Start(
            ["script", "-qec", $"exec sh {_lab.Host.Directory}/run", "/dev/null"],
            new Dictionary<string, string?> { ["NO_COLOR"] = noColor ? "1" : null, ["TERM"] = kind, ["SHELL"] = "/bin/sh" });
        _ = Task.Run(() =>
        {
            char[] buffer = new char[4096];
            while (_terminal.StandardOutput.Read(buffer) is > 0 and var count)
            {
                lock (_written)
                {
                    _written.Append(buffer, 0, count);
                    Monitor.PulseAll(_written);
                }
            }

            lock (_written)
                Monitor.PulseAll(_written);
        });
    }

    private void Shows(string text, int times = 1)
    {
        long deadline = Environment.TickCount64 + (long)Command.DefaultLimit.TotalMilliseconds;
        lock (_written)
        {
            while (_written.ToString().Split(text).Length <= times)
            {
                if (!Monitor.Wait(_written, TimeSpan.FromMilliseconds(Math.Max(1, deadline - Environment.TickCount64))) && Environment.TickCount64 > deadline)
                    Assert.Fail($"the terminal does not show \"{text}\" {times} times:\n{_written}");
            }
        }
    }

    /// <summary>Types Ctrl-C.</summary>
    /// <returns>All that was written to the terminal.</returns>
    private string Interrupt()
    {
        _terminal!.StandardInput.Write('\x03');
        _terminal.StandardInput.Flush();
        Assert.True(_terminal.WaitForExit(Command.DefaultLimit), "the lab does not end");
        Shows("Taking the lab down");
        Assert.Equal(0, _terminal.ExitCode);
        lock (_written)
            return _written.ToString();
    }
}
