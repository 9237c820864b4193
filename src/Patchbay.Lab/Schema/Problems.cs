namespace Patchbay.Lab.Schema;

/// <summary>Something that is wrong with a file.</summary>
/// <param name="At">Where.</param>
/// <param name="Path">The key: <c>links[2].ip</c>; empty for the whole.</param>
/// <param name="Message">What was expected, and what is there.</param>
internal sealed record Problem(Position At, string Path, string Message)
{
    public override string ToString() => Path.Length == 0 ? $"{At}: {Message}" : $"{At}: {Path}: {Message}";
}

/// <summary>Collects what is wrong, so that one run tells all of it.</summary>
internal sealed class Problems
{
    // Beyond this it is no lab file, or one mistake made everywhere.
    private const int Most = 100;

    private readonly List<Problem> _all = [];

    public IReadOnlyList<Problem> All => _all;

    public void Add(Position at, string path, string message)
    {
        var problem = new Problem(at, path, message);
        if (_all.Count < Most && !_all.Contains(problem))
            _all.Add(problem);
    }

    /// <exception cref="LabFileException">There are any.</exception>
    public void ThrowIfAny()
    {
        if (_all.Count > 0)
            throw new LabFileException(_all);
    }
}

/// <summary>The files of a lab cannot be used as they are.</summary>
internal sealed class LabFileException : Exception
{
    public LabFileException(IReadOnlyList<Problem> problems)
        : base(string.Join('\n', problems)) => Problems = problems;

    public LabFileException(Position at, string path, string message)
        : this([new Problem(at, path, message)])
    {
    }

    public IReadOnlyList<Problem> Problems { get; }
}
