using System.Threading.Channels;
using Patchbay.Lab.Life;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Patchbay.Commands.Lab;

/// <summary>A lab in a terminal: what it waits for and why, how much of it is there, and what it said last.</summary>
internal sealed class LiveView(string lab, LabStatus status)
{
    private const int LastLines = 10;

    private readonly Channel<string> _lines = Channel.CreateUnbounded<string>();
    private readonly Queue<string> _last = new();

    /// <summary>Whether somebody looks: the output is a terminal.</summary>
    public static bool IsPossible => !Console.IsOutputRedirected && AnsiConsole.Profile.Capabilities.Ansi;

    /// <summary>Takes a line in.</summary>
    public void Add(string line) => _lines.Writer.TryWrite(line);

    /// <summary>Shows the lab until cancelled; each line that is said is also the moment to draw it anew.</summary>
    public Task RunAsync(CancellationToken cancellation) => AnsiConsole.Live(Draw()).AutoClear(false).StartAsync(async context =>
    {
        try
        {
            while (await _lines.Reader.WaitToReadAsync(cancellation).ConfigureAwait(false))
            {
                while (_lines.Reader.TryRead(out var line))
                {
                    _last.Enqueue(line);
                    if (_last.Count > LastLines)
                        _last.Dequeue();
                }

                context.UpdateTarget(Draw());
                context.Refresh();
            }
        }
        catch (OperationCanceledException)
        {
            context.Refresh();
        }
    });

    private Rows Draw()
    {
        var waiting = status.Waiting;
        var rows = new List<IRenderable>
        {
            new Markup($"[bold]{Markup.Escape(lab)}[/]  {(status.Connected ? $"[green]all {status.Links} links connected[/]" : $"{status.Links} links, [yellow]waiting[/]")}   Ctrl-C takes it away"),
        };
        rows.AddRange(waiting.Select(each => new Markup($"  [yellow]{Markup.Escape(each)}[/]: no container of that name runs")));
        if (status.Problem is { } problem)
            rows.Add(new Markup($"  [red]{Markup.Escape(problem)}[/]"));
        rows.AddRange(_last.Select(line => new Markup($"[dim]{Markup.Escape(line)}[/]")));
        return new Rows(rows);
    }
}
