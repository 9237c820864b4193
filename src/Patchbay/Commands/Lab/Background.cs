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

    /// <summary>Starts it, shows what it says until all links are connected, and returns.</summary>
    public static async Task<int> StartAsync(LabState state, CancellationToken cancellation)
    {
        var arguments = Environment.GetCommandLineArgs().Skip(1).Where(argument => argument is not ("-d" or "--detach")).Append(Name);
        using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, arguments) { RedirectStandardOutput = true, RedirectStandardInput = true })!;
        process.StandardInput.Close();
        // It closes its end when all is connected, or ends.
        while (await process.StandardOutput.ReadLineAsync(cancellation).ConfigureAwait(false) is { } line)
            Console.WriteLine(line);
        if (File.Exists(state.ReadyFile))
            return 0;
        await process.WaitForExitAsync(cancellation).ConfigureAwait(false);
        return process.ExitCode;
    }

    /// <summary>All is connected: what is said from now on goes into the lab's log, and the caller may go.</summary>
    public static void LetGo(LabState state)
    {
        _ = setsid();
        Console.Out.Flush();
        using var log = new FileStream(state.LogFile, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
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
