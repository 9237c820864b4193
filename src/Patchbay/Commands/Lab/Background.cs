using System.CommandLine;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Patchbay.Lab.Life;

namespace Patchbay.Commands.Lab;

/// <summary>The process that <c>up --detach</c> leaves behind to follow an engine: this executable again, with the same arguments and one more.</summary>
internal static partial class Background
{
    private const string Name = "--background";

    public static Option<bool> Option { get; } = new(Name) { Hidden = true };

    /// <summary>Starts it with the arguments of this process, which is "up" or "apply".</summary>
    public static Task<int> StartAsync(LabState state, CancellationToken cancellation)
    {
        // The first is the program's own name. Under conlink's there is no verb.
        var typed = Environment.GetCommandLineArgs()[1..];
        string[] arguments = typed is ["lab", _, .. var more] ? more : typed;
        return StartAsync(state, ["lab", "up", .. arguments.Where(argument => argument is not ("-d" or "--detach"))], cancellation);
    }

    /// <summary>Starts it, shows what it says until all links are connected, and returns.</summary>
    public static async Task<int> StartAsync(LabState state, IReadOnlyList<string> words, CancellationToken cancellation)
    {
        var arguments = OwnProgram.Words.Skip(1).Concat(words).Append(Name);
        using var process = Process.Start(new ProcessStartInfo(OwnProgram.Words[0], arguments) { RedirectStandardOutput = true, RedirectStandardInput = true })!;
        process.StandardInput.Close();
        while (await process.StandardOutput.ReadLineAsync(cancellation).ConfigureAwait(false) is { } line)
        {
            Console.WriteLine(line);
            if (line == LabRun.AllConnected)
                return File.Exists(state.ReadyFile) ? 0 : LabCommand.Failed;
        }

        await process.WaitForExitAsync(cancellation).ConfigureAwait(false);
        return process.ExitCode;
    }

    /// <summary>All is connected: what is said from now on goes into the lab's log, and the caller may go.</summary>
    public static void LetGo(LabState state)
    {
        _ = setsid();
        var log = new FileStream(state.LogFile, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
        var writer = TextWriter.Synchronized(new StreamWriter(log) { AutoFlush = true });
        Console.SetOut(writer);
        Console.SetError(writer);
        // What other programs of this process would read and write: nobody, and the log.
        using var nothing = File.OpenRead("/dev/null");
        _ = dup2((int)nothing.SafeFileHandle.DangerousGetHandle(), 0);
        _ = dup2((int)log.SafeFileHandle.DangerousGetHandle(), 1);
        _ = dup2((int)log.SafeFileHandle.DangerousGetHandle(), 2);
    }

    [LibraryImport("libc")]
    private static partial int setsid();

    [LibraryImport("libc")]
    private static partial int dup2(int old, int target);
}
