namespace Patchbay.Bench;

/// <summary>A row of the report: the same work, done by several programs.</summary>
internal sealed record Row(string Id, string Title, string Unit = Row.Milliseconds)
{
    internal const string Milliseconds = "ms";
    internal const string PerSecond = "/s";
    internal const string Megabytes = "MB";
    internal const string Mebibytes = "MiB";
}

/// <summary>The figures of one program for one operation of one row.</summary>
internal sealed class Series(Row row, string operation, string program, string variant)
{
    internal Row Row => row;
    internal string Operation => operation;
    internal string Program => program;
    internal string Variant => variant;
    internal string Unit => row.Unit;
    internal List<double> Values { get; } = [];
    internal List<double> Cpu { get; } = [];

    /// <summary>Peak resident size of the program and the programs it ran, whichever was largest; KiB, 0 if not measured.</summary>
    internal long PeakKibibytes { get; set; }

    /// <summary>How many programs a call starts, itself included; 0 if not counted.</summary>
    internal int Processes { get; set; }

    /// <summary>Why the program could not be asked at all: it is not installed, or the kernel lacks what it needs.</summary>
    internal string? Absent { get; set; }

    /// <summary>Why there are no figures, or not all of them.</summary>
    internal string? Note { get; set; }

    internal Statistics Statistics => Statistics.Of(Values);
}

/// <summary>All figures of a run, in the order in which they were first asked for.</summary>
internal sealed class Results
{
    private readonly List<Series> _all = [];

    internal IReadOnlyList<Series> All => _all;

    internal Series Of(Row row, string operation, string program, string variant)
    {
        var found = Find(row.Id, operation, program, variant);
        if (found is null)
        {
            found = new Series(row, operation, program, variant);
            _all.Add(found);
        }
        return found;
    }

    /// <summary>A series, or null where the run had none; without a variant, the first of the program.</summary>
    internal Series? Find(string row, string operation, string program, string? variant = null) => _all.Find(s =>
        s.Row.Id == row && s.Operation == operation && s.Program == program && (variant is null || s.Variant == variant));

    /// <summary>The median, or NaN.</summary>
    internal double Median(string row, string operation, string program, string? variant = null) =>
        Find(row, operation, program, variant)?.Statistics.Median ?? double.NaN;
}
