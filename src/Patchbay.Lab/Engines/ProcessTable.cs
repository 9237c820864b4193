using System.Globalization;

namespace Patchbay.Lab.Engines;

/// <summary>Processes as a /proc shows them (proc(5)).</summary>
/// <param name="directory">Where that is: <c>/proc</c>, or elsewhere for an engine in another process namespace.</param>
internal sealed class ProcessTable(string directory = "/proc")
{
    private const int StartTimeField = 22; // counted from 1, proc(5)

    /// <summary>When a process started, in clock ticks since boot; null when there is none of that number.</summary>
    public ulong? StartTime(int pid)
    {
        string text;
        try
        {
            text = File.ReadAllText(Path.Combine(directory, pid.ToString(CultureInfo.InvariantCulture), "stat"));
        }
        catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException or IOException)
        {
            return null; // IOException: ESRCH, it ended between open and read
        }

        // The second field, the name in parentheses, may hold anything; after it come numbers, the third field first.
        var fields = text[(text.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > StartTimeField - 3 && ulong.TryParse(fields[StartTimeField - 3], CultureInfo.InvariantCulture, out var ticks)
            ? ticks
            : throw new InvalidDataException($"{directory}/{pid}/stat is not as in proc(5): \"{text.Trim()}\"");
    }

    /// <summary>The handle of a process's network namespace.</summary>
    public string NamespaceOf(int pid) => Path.Combine(directory, pid.ToString(CultureInfo.InvariantCulture), "ns/net");
}
