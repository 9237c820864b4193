using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Patchbay.Lab.Plan;
using Patchbay.Lab.Wiring;

namespace Patchbay.Lab.Life;

/// <summary>
/// Processes in the nodes of conlink's first language: their command line has <c>mininet:NAME</c>, by which people find a node's network,
/// <c>nsenter -n -t $(pgrep -f mininet:h1)</c>.
/// </summary>
internal static partial class HostProcesses
{
    /// <summary>The first argument of this executable when it is such a process.</summary>
    public const string Verb = "lab-host";

    /// <summary>Starts those that are not there.</summary>
    public static void Start(Topology topology, Places places)
    {
        var wanted = topology.Nodes.Where(node => node.Shell).ToList();
        if (wanted.Count == 0)
            return;
        var running = Running();
        foreach (var node in wanted)
        {
            var title = $"mininet:{node.Name}";
            if (!running.Contains((Libc.InodeOf(node.Path) ?? 0, title)))
                NodeCommand.Start(topology.Lab, places[node.Name].Namespace, [.. OwnProgram.Words, Verb, title], line: null).Dispose();
        }
    }

    /// <summary>What such a process does: nothing, until it is ended.</summary>
    public static int Stay()
    {
        _ = setsid(); // the terminal's signals are for whoever called
        // And so are the streams, whose end somebody may wait for. CoreCLR keeps copies of them.
        const string Descriptors = "/proc/self/fd";
        var streams = Enumerable.Range(0, 3).Select(stream => new FileInfo($"{Descriptors}/{stream}").LinkTarget).ToHashSet(StringComparer.Ordinal);
        using (var nothing = File.Open("/dev/null", FileMode.Open))
        {
            foreach (var path in Directory.GetFiles(Descriptors))
            {
                if (streams.Contains(new FileInfo(path).LinkTarget))
                    _ = dup2((int)nothing.SafeFileHandle.DangerousGetHandle(), int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture));
            }
        }

        while (true)
            _ = pause();
    }

    [LibraryImport("libc")]
    private static partial int setsid();

    [LibraryImport("libc")]
    private static partial int dup2(int old, int target);

    [LibraryImport("libc")]
    private static partial int pause();

    private static HashSet<(ulong, string)> Running()
    {
        var found = new HashSet<(ulong, string)>();
        foreach (var process in Process.GetProcesses())
        {
            using (process)
            {
                try
                {
                    var words = File.ReadAllText($"/proc/{process.Id}/cmdline").Split('\0');
                    var verb = Array.IndexOf(words, Verb);
                    if (verb > 0 && verb + 1 < words.Length && Libc.InodeOf($"/proc/{process.Id}/ns/net") is { } inode)
                        found.Add((inode, words[verb + 1]));
                }
                catch (Exception error) when (error is IOException or UnauthorizedAccessException)
                {
                    continue; // it has ended
                }
            }
        }

        return found;
    }
}
