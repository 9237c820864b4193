using System.Diagnostics;
using System.Text.Json;

namespace Patchbay.SystemTests.Harness;

/// <summary>A named network namespace, made for one test, with <c>lo</c> up; and programs run inside it.</summary>
/// <remarks>
/// Only the network is another one: mounts, processes and users are the machine's. So programs enter by nsenter, not by
/// <c>ip netns exec</c>, whose mount namespace would hide a plugin's mounts (a namespace made by name, say) from the test.
/// </remarks>
internal class TestNamespace
{
    private readonly Dictionary<string, string?> _environment;
    private readonly List<Process> _background = [];

    internal TestNamespace(string name, IReadOnlyDictionary<string, string?> environment)
    {
        Name = name;
        _environment = new(environment);
        Command.Run(["ip", "netns", "add", name]).Check();
        Run("ip", "link", "set", "lo", "up").Check();
    }

    public string Name { get; }

    /// <summary>What CNI_NETNS takes.</summary>
    public string Path => $"/run/netns/{Name}";

    /// <summary>The variables that every program run here gets.</summary>
    public IReadOnlyDictionary<string, string?> Environment => _environment;

    public CommandResult Run(params IReadOnlyList<string> arguments) => Run(arguments, stdin: null);

    public CommandResult Run(
        IReadOnlyList<string> arguments, string? stdin, IReadOnlyDictionary<string, string?>? environment = null, TimeSpan? limit = null) =>
        Command.Run(Inside(arguments), stdin, Merge(environment), limit: limit);

    /// <summary>Starts a program that runs until the namespace is removed, which kills it.</summary>
    public Process Start(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string?>? environment = null)
    {
        Process process = Command.Start(Inside(arguments), Merge(environment));
        _background.Add(process);
        return process;
    }

    /// <summary>The JSON answer of iproute2: <c>IpJson("addr show dev eth0")</c>.</summary>
    public JsonElement IpJson(string arguments) => Run(["ip", "-j", "-d", .. arguments.Split(' ')]).Check().Json;

    /// <summary>The JSON answer of nft: <c>NftJson("list ruleset")</c>, the array under "nftables".</summary>
    public JsonElement NftJson(string arguments) => Run(["nft", "-j", .. arguments.Split(' ')]).Check().Json.GetProperty("nftables");

    public JsonElement BridgeJson(string arguments) => Run(["bridge", "-j", "-d", .. arguments.Split(' ')]).Check().Json;

    public JsonElement TcJson(string arguments) => Run(["tc", "-j", "-d", .. arguments.Split(' ')]).Check().Json;

    /// <summary>Whether a link of this name is here.</summary>
    public bool HasLink(string name) => Run("ip", "link", "show", "dev", name).ExitCode == 0;

    /// <summary>Kills what was started here, removes the name, and tells which other processes were still inside.</summary>
    internal IReadOnlyList<string> Remove()
    {
        foreach (Process process in _background)
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
            process.WaitForExit();
            process.Dispose();
        }

        // Asked before the name goes: the kernel keeps the namespace for as long as a process is in it.
        IReadOnlyList<string> strays = KillStrays();
        Command.Run(["ip", "netns", "del", Name]).Check();
        return strays;
    }

    private List<string> KillStrays()
    {
        var strays = new List<string>();
        foreach (string id in Command.Run(["ip", "netns", "pids", Name]).Check().StandardOutput.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            try
            {
                using var process = Process.GetProcessById(int.Parse(id, System.Globalization.CultureInfo.InvariantCulture));
                strays.Add($"{process.ProcessName} (process {id}) in {Name}");
                process.Kill();
            }
            catch (Exception e) when (e is ArgumentException or InvalidOperationException)
            {
                // It ended between the listing and now, so it was on its way out: not left behind.
            }
        }

        return strays;
    }

    private List<string> Inside(IReadOnlyList<string> arguments) => ["nsenter", $"--net={Path}", "--", .. arguments];

    private Dictionary<string, string?> Merge(IReadOnlyDictionary<string, string?>? environment)
    {
        var merged = new Dictionary<string, string?>(_environment);
        foreach ((string name, string? value) in environment ?? new Dictionary<string, string?>())
            merged[name] = value;
        return merged;
    }
}
