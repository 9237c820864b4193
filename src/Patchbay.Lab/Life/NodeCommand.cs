using System.Diagnostics;
using Patchbay.Lab.Wiring;
using Patchbay.Netlink;

namespace Patchbay.Lab.Life;

/// <summary>Starts programs in namespaces of the lab's own: a process has the network of the thread that starts it.</summary>
internal static class NodeCommand
{
    /// <param name="lab">The lab, for the mark.</param>
    /// <param name="place">Where.</param>
    /// <param name="words">The program and its arguments.</param>
    /// <param name="line">Gets each line that it prints.</param>
    /// <param name="background">It goes on when this process ends: a session of its own, and nothing of ours to write to.</param>
    /// <exception cref="System.ComponentModel.Win32Exception">There is no such program.</exception>
    public static Process Start(string lab, NetworkNamespace place, IReadOnlyList<string> words, Action<string>? line, bool background = false)
    {
        if (background)
            words = ["setsid", "sh", "-c", "exec \"$@\" </dev/null >/dev/null 2>&1", "sh", .. words];
        var start = new ProcessStartInfo(words[0], words.Skip(1))
        {
            RedirectStandardInput = line is not null,
            RedirectStandardOutput = line is not null,
            RedirectStandardError = line is not null,
        };
        start.Environment[NodeProcesses.Variable] = lab;
        var process = place.Run(() => Process.Start(start)!);
        if (line is null)
            return process;
        process.StandardInput.Close();
        process.OutputDataReceived += (_, e) => Tell(e.Data);
        process.ErrorDataReceived += (_, e) => Tell(e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;

        void Tell(string? text)
        {
            if (text is not null)
                line(text);
        }
    }
}
