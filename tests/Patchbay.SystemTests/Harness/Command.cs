using System.Diagnostics;
using System.Text;

namespace Patchbay.SystemTests.Harness;

/// <summary>Runs a program to its end, with a time limit; a program that does not end in time is killed with its children.</summary>
internal static class Command
{
    /// <summary>Generous on purpose: under an emulated processor everything takes ten times as long.</summary>
    public static readonly TimeSpan DefaultLimit = TimeSpan.FromSeconds(Needs.InVirtualMachine ? 180 : 60);

    public static CommandResult Run(
        IReadOnlyList<string> arguments,
        string? stdin = null,
        IReadOnlyDictionary<string, string?>? environment = null,
        string? directory = null,
        TimeSpan? limit = null)
    {
        using Process process = Start(arguments, environment, directory);
        long started = Stopwatch.GetTimestamp();
        Task<string> stdout = process.StandardOutput.ReadToEndAsync();
        Task<string> stderr = process.StandardError.ReadToEndAsync();
        try
        {
            process.StandardInput.Write(stdin);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // EPIPE: the program ended, or closed its input, without reading all of it. Its exit status tells why.
        }

        if (!process.WaitForExit(limit ?? DefaultLimit))
        {
            process.Kill(entireProcessTree: true);
            process.WaitForExit(); // SIGKILL is only sent; until the process is gone it counts as left behind
            throw new TimeoutException($"{string.Join(' ', arguments)}: still running after {limit ?? DefaultLimit}");
        }

        TimeSpan elapsed = Stopwatch.GetElapsedTime(started);
        // A daemon that the program left behind may hold the pipes; what matters was written before the program ended.
        Task.WaitAll([stdout, stderr], TimeSpan.FromSeconds(5));
        return new CommandResult(
            string.Join(' ', arguments), process.ExitCode, Text(stdout), Text(stderr), elapsed);
    }

    /// <summary>Starts a program and returns at once; its streams are pipes.</summary>
    public static Process Start(
        IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string?>? environment = null, string? directory = null)
    {
        var start = new ProcessStartInfo(arguments[0], arguments.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            // Without a byte order mark: the first bytes of a configuration must be its brace.
            StandardInputEncoding = new UTF8Encoding(false),
            WorkingDirectory = directory ?? "",
        };
        // Program output in one language; sbin, because root's PATH under CI may lack it.
        start.Environment["LC_ALL"] = "C.UTF-8";
        start.Environment["PATH"] = $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin";
        foreach ((string name, string? value) in environment ?? new Dictionary<string, string?>())
            start.Environment[name] = value;
        return Process.Start(start) ?? throw new InvalidOperationException($"{arguments[0]}: not started");
    }

    private static string Text(Task<string> output) =>
        output.IsCompleted ? output.Result : "(a process left behind holds this stream open)";
}
