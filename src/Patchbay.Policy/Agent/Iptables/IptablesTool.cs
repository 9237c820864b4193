using System.Diagnostics;

namespace Patchbay.Policy.Agent.Iptables;

/// <summary>Runs iptables-save(8) and iptables-restore(8) for table filter, under the lock that everybody on a host of Cloud Foundry takes.</summary>
/// <param name="lockFile">The lock; empty for none but iptables' own.</param>
internal sealed class IptablesTool(string lockFile)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);
    private const int LongestWaits = 1500; // 30 s

    /// <summary>Reads the table, and gives it to somebody who tells what to change; nobody else changes anything meanwhile who takes the lock.</summary>
    /// <param name="compose">From the lines of iptables-save to those of iptables-restore; null for no change.</param>
    /// <returns>How many lines were changed.</returns>
    /// <exception cref="EnforcingException">A program failed, or is missing.</exception>
    internal int Change(Func<string[], List<string>?> compose)
    {
        using FileStream? taken = lockFile.Length > 0 ? Take() : null;
        if (compose(Run("iptables-save", ["-t", "filter"], "").Split('\n')) is not { } lines)
            return 0;
        // --noflush, so that chains that are not named stay; all of it is one transaction.
        Run("iptables-restore", ["--noflush", "-w"], $"*filter\n{string.Join('\n', lines)}\nCOMMIT\n");
        return lines.Count;
    }

    // FileShare.None is flock(2) with LOCK_EX; it cannot wait.
    private FileStream Take()
    {
        using var timer = new ManualResetEventSlim();
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                return new FileStream(lockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (e is not DirectoryNotFoundException)
            {
                if (attempt == LongestWaits)
                    throw new EnforcingException($"iptables_lock_file: {lockFile} is locked by somebody else since 30 s", e);
                timer.Wait(Pause);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new EnforcingException($"iptables_lock_file: {e.Message}", e);
            }
        }
    }

    private static string Run(string program, string[] arguments, string input)
    {
        var start = new ProcessStartInfo(Find(program), arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using Process process = Process.Start(start) ?? throw new EnforcingException($"{program} could not be started");
        Task<string> output = process.StandardOutput.ReadToEndAsync(), errors = process.StandardError.ReadToEndAsync();
        try
        {
            process.StandardInput.Write(input);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // EPIPE: it ended before it read all; its exit status and its words tell why.
        }

        process.WaitForExit();
        return process.ExitCode == 0 ? output.Result : throw new EnforcingException($"{program} failed with status {process.ExitCode}: {errors.Result.Trim()}");
    }

    private static string Find(string program)
    {
        foreach (string directory in (string[])[.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'), "/usr/sbin", "/sbin"])
        {
            if (directory.StartsWith('/') && File.Exists($"{directory}/{program}"))
                return $"{directory}/{program}";
        }

        throw new EnforcingException($"{program} is not installed: install iptables, or set \"backend\" to \"nftables\"");
    }
}
