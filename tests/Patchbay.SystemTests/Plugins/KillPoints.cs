using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>Kills a plugin at chosen points of its run, which strace finds by counting the system calls of its main thread.</summary>
/// <remarks>The call at which the signal comes is not carried out: between two points lies exactly what the calls from the first up to the second do.</remarks>
internal sealed partial class KillPoints(TestHost host, TestNamespace container, string type, string config)
{
    private readonly string _trace = Path.Combine(host.Directory, "trace");

    /// <summary>
    /// Runs a command to its end, and chooses <paramref name="count"/> calls among those that may change anything, the ones after them, and others evenly
    /// between. A call is "sendmsg:7", the seventh of its name, which is how strace counts.
    /// </summary>
    public IReadOnlyList<string> Choose(string command, int count)
    {
        Traced(command, "--trace=all").Check();
        string[] calls = [.. System.IO.File.ReadLines(_trace).Select(line => Call().Match(line)).Where(match => match.Success).Select(match => match.Value)];
        var chosen = new SortedSet<int>();
        for (int n = 0; n < calls.Length; n++)
        {
            if (Changes().IsMatch(calls[n]))
                chosen.UnionWith([n, Math.Min(n + 1, calls.Length - 1)]);
        }

        for (int n = 0; n < count; n++)
            chosen.Add(calls.Length * n / count);

        var ordinals = new Dictionary<string, int>();
        var points = new List<string>();
        foreach ((int n, string line) in calls.Index())
        {
            string name = line[..line.IndexOf('(', StringComparison.Ordinal)];
            int ordinal = ordinals[name] = ordinals.GetValueOrDefault(name) + 1;
            // strace does not inject into the call by which a program begins or ends.
            if (chosen.Contains(n) && name is not ("execve" or "exit_group"))
                points.Add($"{name}:{ordinal.ToString(CultureInfo.InvariantCulture)}");
        }

        // Evenly thinned: each point costs a second.
        return points.Count <= count ? points : [.. Enumerable.Range(0, count).Select(n => points[n * points.Count / count])];
    }

    /// <summary>Runs a command that is killed at a call; false when it ended before.</summary>
    public bool KillAt(string command, string call)
    {
        string[] nameAndOrdinal = call.Split(':');
        CommandResult result = Traced(command, "--trace=all", $"--inject={nameAndOrdinal[0]}:signal=KILL:when={nameAndOrdinal[1]}");
        // What it has started, iptables-restore say, lives on for a moment; a runtime's DEL comes after that.
        var since = Stopwatch.StartNew();
        while (Command.Run(["ip", "netns", "pids", host.Name]).Check().StandardOutput is { Length: > 0 } left)
            Assert.True(since.Elapsed < Command.DefaultLimit, $"still running after a kill at call {call}: {left}");

        return result.ExitCode != 0;
    }

    /// <summary>Runs a command as it is.</summary>
    public CommandResult Run(string command) => host.Run([File()], config, Variables(command));

    private CommandResult Traced(string command, params string[] options) =>
        host.Run(["strace", "--output", _trace, .. options, File()], config, Variables(command));

    private string File() => Path.Combine(Plugin.OursDirectory, type);

    private Dictionary<string, string?> Variables(string command) => new()
    {
        ["CNI_COMMAND"] = command,
        ["CNI_CONTAINERID"] = "ctr",
        ["CNI_NETNS"] = container.Path,
        ["CNI_IFNAME"] = "eth0",
        ["CNI_PATH"] = Plugin.OursDirectory,
    };

    // All of "sendmsg(5, …) = 76", and nothing of "+++ exited with 0 +++" or "--- SIGCHLD … ---".
    [GeneratedRegex(@"^[a-z0-9_]+\(.*")]
    private static partial Regex Call();

    [GeneratedRegex(@"^(sendmsg|sendto|linkat|unlink|unlinkat|rename|mkdir|ftruncate|utimensat|vfork|clone|clone3|pwrite64|write)\(|O_CREAT|O_WRONLY|O_RDWR")]
    private static partial Regex Changes();
}
