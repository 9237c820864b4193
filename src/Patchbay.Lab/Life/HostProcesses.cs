using System.Diagnostics;
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
                NodeCommand.Start(topology.Lab, places[node.Name].Namespace, [Environment.ProcessPath!, Verb, title], line: null).Dispose();
        }
    }

    /// <summary>What such a process does: nothing, until it is ended.</summary>
    public static int Stay()
    {
        _ = setsid(); // the terminal's signals are for whoever called
        while (true)
            _ = pause();
    }

    [LibraryImport("libc")]
    private static partial int setsid();

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
                    if (words.Length > 2 && words[1] == Verb && Libc.InodeOf($"/proc/{process.Id}/ns/net") is { } inode)
                        found.Add((inode, words[2]));
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
