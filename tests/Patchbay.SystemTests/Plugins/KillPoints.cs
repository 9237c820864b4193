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
    /// Runs a command to its end, and chooses: before and after each call that may change anything, and others evenly between, so that there are
    /// at least <paramref name="count"/>.
    /// </summary>
    public IReadOnlyCollection<int> Choose(string command, int count)
    {
        Traced(command, "--trace=all").Check();
        string[] calls = [.. System.IO.File.ReadLines(_trace).Where(line => Call().IsMatch(line))];
        var points = new SortedSet<int>();
        for (int n = 1; n <= calls.Length; n++)
        {
            if (Changes().IsMatch(calls[n - 1]))
                points.UnionWith([n, n + 1]);
        }

        for (int n = 1; n <= count; n++)
            points.Add(Math.Max(1, calls.Length * n / count));
        return points;
    }

    /// <summary>Runs a command that is killed at its call number <paramref name="call"/>; false when it ended before.</summary>
    public bool KillAt(string command, int call)
    {
        CommandResult result = Traced(command, "--trace=all", "--inject=all:signal=KILL:when=" + call.ToString(CultureInfo.InvariantCulture));
        // What it has started, iptables-restore say, lives on for a moment; a runtime's DEL comes after that.
        while (host.Run("ip", "netns", "pids", host.Name).Check().StandardOutput.Length > 0)
        {
        }

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

    // "sendmsg(5, …) = 76", and not "+++ exited with 0 +++" or "--- SIGCHLD … ---".
    [GeneratedRegex(@"^[a-z0-9_]+\(")]
    private static partial Regex Call();

    [GeneratedRegex(@"^(sendmsg|sendto|linkat|unlinkat|unlink|rename|mkdir|ftruncate|utimensat|vfork|clone|pwrite|write)|O_CREAT|O_WRONLY|O_RDWR|^futex|^wait|^close")]
    private static partial Regex Changes();
}
