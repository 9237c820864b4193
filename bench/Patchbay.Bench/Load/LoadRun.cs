using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Patchbay.Bench.Load;

/// <summary>A load on one host: the runtimes' processes, what they answer, and whether anything is lost, given twice or left.</summary>
internal sealed class LoadRun : IDisposable
{
    private readonly List<Process> _workers = [];
    private readonly NetworkNamespace _host;
    private readonly string _directory;
    private readonly int _containers;
    private readonly TimeSpan _patience;

    /// <param name="session">The run.</param>
    /// <param name="program">Whose plugins.</param>
    /// <param name="list">The network's list; <c>$DATA</c> in it is where its addresses are noted.</param>
    /// <param name="runtimes">How many at once.</param>
    internal LoadRun(Session session, string program, string list, int runtimes)
    {
        _containers = session.Options.Containers;
        _patience = TimeSpan.FromMinutes(session.Options.PatienceMinutes);
        _host = session.Workspace.NewHost($"host-{program}");
        _directory = session.Workspace.NewPath("load");
        Directory.CreateDirectory(Data);
        Directory.CreateDirectory(Cache);
        File.WriteAllText(Path.Combine(_directory, "list"), list.Replace("$DATA", Data, StringComparison.Ordinal));
        for (var i = 0; i < runtimes; i++)
        {
            // The first of each is for warming up.
            var numbers = Enumerable.Range(0, (_containers / runtimes) + 1 + (i < _containers % runtimes ? 1 : 0)).Select(n => (n * runtimes) + i);
            var share = Path.Combine(_directory, string.Create(CultureInfo.InvariantCulture, $"share-{i}"));
            File.WriteAllLines(share, numbers.Select(n => string.Create(CultureInfo.InvariantCulture, $"{n} {session.Workspace.NewNamespace("container").Path}")));
            _workers.Add(Start(session.Peers.DirectoryOf(program), share));
        }
        foreach (var worker in _workers)
            _ = Line(worker, "ready");
    }

    private string Data => Path.Combine(_directory, "data");

    private string Cache => Path.Combine(_directory, "cache");

    /// <summary>Has all runtimes do an operation on all their containers.</summary>
    /// <returns>How long it took in all, and what each container's took and ended in.</returns>
    /// <exception cref="TimeoutException">It had not ended when the patience did; the runtimes are gone.</exception>
    internal (double Seconds, IReadOnlyList<(double Milliseconds, string Text)> Each) Do(string operation)
    {
        var each = new List<(double, string)>();
        var start = Stopwatch.GetTimestamp();
        using var patience = new Timer(_ => _workers.ForEach(worker => worker.Kill(entireProcessTree: true)), null, _patience, Timeout.InfiniteTimeSpan);
        foreach (var worker in _workers)
        {
            worker.StandardInput.WriteLine(operation);
            worker.StandardInput.Flush();
        }
        // Pipes hold more than a runtime has to say, so none waits for another to be read.
        foreach (var worker in _workers)
        {
            string line;
            while ((line = worker.StandardOutput.ReadLine() ?? throw Ended(Stopwatch.GetElapsedTime(start))) != "done")
            {
                var words = line.Split(' ', 4);
                each.Add((double.Parse(words[2], CultureInfo.InvariantCulture), words.Length > 3 ? words[3] : ""));
            }
        }
        return (Stopwatch.GetElapsedTime(start).TotalSeconds, each);
    }

    /// <summary>What is wrong after ADD: an address twice, a port or a cache entry missing; null if nothing is.</summary>
    internal string? WrongAfterAdd(IReadOnlyList<string> addresses)
    {
        var given = addresses.SelectMany(text => text.Split(' ', StringSplitOptions.RemoveEmptyEntries)).ToArray();
        var twice = given.GroupBy(a => a).FirstOrDefault(group => group.Count() > 1)?.Key;
        if (twice is not null)
            return $"{twice} was given twice";
        var ports = Lines("ip", "-o", "link", "show", "master", "bench0").Length;
        if (ports != _containers)
            return $"{ports} ports on the bridge, not {_containers}";
        return Entries().Length == _containers ? null : $"{Entries().Length} entries in the cache, not {_containers}";
    }

    /// <summary>What is left after DEL: links, rules, reservations, cache entries; null if nothing is.</summary>
    internal string? LeftAfterDelete()
    {
        var left = new List<string>();
        Count("ports on the bridge", Lines("ip", "-o", "link", "show", "master", "bench0").Length);
        Count("lines of rules that name a container", Lines("nft", "list", "ruleset").Count(line => line.Contains("load-0", StringComparison.Ordinal) || line.Contains("10.99.", StringComparison.Ordinal)));
        Count("chains of containers", Lines("nft", "list", "chains").Count(line => line.Contains("CNI-DN-", StringComparison.Ordinal) || IsMasquerading(line)));
        Count("reservations", Directory.EnumerateFiles(Data, "*", SearchOption.AllDirectories)
            .Count(file => Path.GetFileName(file) is not "lock" && !Path.GetFileName(file).StartsWith("last_reserved_ip", StringComparison.Ordinal) && !Path.GetFileName(file).StartsWith('.')));
        Count("entries in the cache", Entries().Length);
        return left.Count == 0 ? null : $"left: {string.Join(", ", left)}";

        void Count(string what, int number)
        {
            if (number > 0)
                left.Add(string.Create(CultureInfo.InvariantCulture, $"{number} {what}"));
        }
    }

    public void Dispose()
    {
        foreach (var worker in _workers)
        {
            worker.StandardInput.Close();
            if (!worker.WaitForExit(TimeSpan.FromSeconds(60)))
                worker.Kill(entireProcessTree: true);
            worker.Dispose();
        }
    }

    // ipMasq's chains: CNI- and 24 digits.
    private static bool IsMasquerading(string line) =>
        line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Any(word => word.Length == 28 && word.StartsWith("CNI-", StringComparison.Ordinal) && word[4..].All(char.IsAsciiHexDigitLower));

    private string[] Entries() => [.. Directory.EnumerateFiles(Path.Combine(Cache, "results")).Where(file => Path.GetFileName(file)[0] != '.')];

    private string[] Lines(string program, params string[] arguments) =>
        Encoding.UTF8.GetString(_host.Run(() => Spawn.Run(Command.Of(program, arguments))).Output).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private Exception Ended(TimeSpan after) => after >= _patience
        ? new TimeoutException(string.Create(CultureInfo.InvariantCulture, $"not ended after {_patience.TotalMinutes} minutes, given up"))
        : new BenchException("a runtime ended before its time");

    // A process of its own, entered by nsenter: all of its threads are inside, whichever of them the runtime starts plugins from.
    private Process Start(string plugins, string share)
    {
        string[] arguments = [$"--net={_host.Path}", "--", .. Self.Start, LoadWorker.Verb, plugins, Path.Combine(_directory, "list"), Cache, share];
        var start = new ProcessStartInfo(Command.Locate("nsenter") ?? throw new BenchException("nsenter is missing: install the package util-linux"), arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        return Process.Start(start) ?? throw new BenchException("a runtime did not start");
    }

    private static string Line(Process worker, string wanted) => worker.StandardOutput.ReadLine() is { } line && line == wanted
        ? line
        : throw new BenchException($"a runtime did not say that it is {wanted}");
}
