using System.Text;

namespace Patchbay.Bench;

/// <summary>A program to run: file, arguments after argv[0], whole environment, standard input.</summary>
internal sealed record Command(string File, IReadOnlyList<string> Arguments, IReadOnlyList<string> Environment, byte[] Input)
{
    /// <summary>What a program finds in its environment unless it is told more.</summary>
    internal const string SearchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

    internal static Command Of(string file, params string[] arguments) => new(Locate(file) ?? file, arguments, [SearchPath], []);

    /// <summary>The full path of a program of the system, or null if it is not installed.</summary>
    internal static string? Locate(string name)
    {
        if (name.Contains('/'))
            return System.IO.File.Exists(name) ? name : null;
        foreach (var directory in SearchPath["PATH=".Length..].Split(':'))
        {
            if (System.IO.File.Exists(Path.Combine(directory, name)))
                return Path.Combine(directory, name);
        }
        return null;
    }

    /// <summary>The same call through strace(1), which writes a line for each program that was started to a file; null without strace.</summary>
    internal Command? Traced(string file) => Locate("strace") is { } strace
        ? this with { File = strace, Arguments = ["-f", "-qq", "-e", "trace=execve", "-e", "status=successful", "-e", "signal=none", "-o", file, File, .. Arguments] }
        : null;

    /// <summary>The same call through <c>peak</c>, which writes the peak resident size to a file.</summary>
    internal Command Through(string peak, string file) => this with { File = peak, Arguments = [file, File, .. Arguments] };
}

/// <summary>What became of one run of a program.</summary>
internal readonly record struct Outcome(int ExitCode, double WallMilliseconds, double CpuMilliseconds, byte[] Output, byte[] Errors)
{
    /// <summary>What the program said, shortened to a line: CNI plugins report errors on standard output.</summary>
    internal string Message
    {
        get
        {
            var text = Encoding.UTF8.GetString(Output) + " " + Encoding.UTF8.GetString(Errors);
            text = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
            return text.Length == 0 ? $"exit {ExitCode}, silently" : $"exit {ExitCode}: {(text.Length > 300 ? text[..300] + "…" : text)}";
        }
    }
}
