using System.Diagnostics;
using System.Globalization;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Plugins;

namespace Patchbay.SystemTests.Tools;

/// <summary>A host with two networks, web and db, whose last plugin is a script that notes how it is called; and the tools that run commands in them.</summary>
internal sealed class RunHost : IDisposable
{
    private readonly string _tool;

    public RunHost(string tool)
    {
        Plugin.NeedsOurs("bridge", "host-local", "tuning");
        _tool = Path.Combine(Plugin.OursDirectory, tool);
        Assert.SkipUnless(File.Exists(_tool), $"needs {_tool}; run make build");
        Host = TestHost.Create();
        Noted = new ScriptPlugin(Host, "noted", ScriptPlugin.PassOn);
        Write("10-web.conflist", "web", "cni0", "10.22.0");
        Write("20-db.conflist", "db", "cni1", "10.23.0");
    }

    public TestHost Host { get; }

    public ScriptPlugin Noted { get; private set; }

    /// <summary>Id of the last run, and name of its namespace.</summary>
    public string Id => Noted.Variable("ADD", "CNI_CONTAINERID")!;

    public Dictionary<string, string?> Environment => new()
    {
        ["NETCONFPATH"] = Host.ConfigDirectory,
        ["CNI_PATH"] = $"{Plugin.OursDirectory}:{Noted.Directory}",
        ["CNI_ARGS"] = null,
        ["CAP_ARGS"] = null,
    };

    public void Dispose() => Host.Dispose();

    /// <summary>Makes the script do something else.</summary>
    public void Script(string body) => Noted = new ScriptPlugin(Host, "noted", body);

    public void Write(string file, string network, string bridge, string prefix, string plugin = "noted") =>
        File.WriteAllText(Path.Combine(Host.ConfigDirectory, file), $$"""
            { "cniVersion": "1.0.0", "name": "{{network}}", "plugins": [
              { "type": "bridge", "bridge": "{{bridge}}", "isGateway": true, "ipMasq": true, "ipMasqBackend": "nftables",
                "ipam": { "type": "host-local", "dataDir": "{{Host.DataDirectory}}", "ranges": [[{ "subnet": "{{prefix}}.0/24" }]] } },
              { "type": "{{plugin}}", "capabilities": { "portMappings": true } } ] }
            """);

    public string[] Line(params string[] arguments) => [_tool, "--cache-dir", Host.CacheDirectory, .. arguments];

    public CommandResult Run(params string[] arguments) => Host.Run(Line(arguments), null, Environment);

    /// <summary>Starts the tool with a command that writes "ready" into a file of that name, and waits for that.</summary>
    public Process StartReady(string script, params string[] options)
    {
        Process process = Host.Start(Line([.. options, "sh", "-c", script, Marker]), Environment);
        AwaitFile("ready");
        return process;
    }

    /// <summary>An argument by which the processes of this host are told from others.</summary>
    public string Marker => $"marker-of-{Host.Name}";

    public string FileOf(string name) => Path.Combine(Host.Directory, name);

    public void AwaitFile(string name) => Wait.Until($"the file {name}", () => File.Exists(FileOf(name)));

    public static void Send(string signal, int pid) =>
        Command.Run(["kill", $"-{signal}", pid.ToString(CultureInfo.InvariantCulture)]).Check();

    /// <summary>The first child of a process.</summary>
    public static int ChildOf(int pid) =>
        int.Parse(Command.Run(["pgrep", "-P", pid.ToString(CultureInfo.InvariantCulture)]).Check().StandardOutput.Split('\n')[0], CultureInfo.InvariantCulture);

    /// <summary>Kills the tool and its guardian so that neither sees the other's end.</summary>
    public static void KillAtOnce(Process tool)
    {
        int guardian = ChildOf(tool.Id);
        Send("STOP", tool.Id);
        Send("KILL", guardian);
        Send("KILL", tool.Id);
        tool.WaitForExit();
    }

    /// <summary>What a cache remembers: its results; the lock beside them stays.</summary>
    public static IReadOnlyList<string> Remembered(string cacheDirectory) =>
        Path.Combine(cacheDirectory, "results") is var results && Directory.Exists(results) ? Directory.GetFiles(results) : [];

    /// <summary>State of the host without what the bridge plugin leaves on purpose.</summary>
    public Snapshot Snapshot() => Harness.Snapshot.Take(Host, "cni0", "cni1");

    /// <summary>The base chains of masquerading stay: make them before the first snapshot.</summary>
    public Snapshot Warm()
    {
        Run("true").Check();
        File.Delete(Path.Combine(Noted.Directory, "calls"));
        return Snapshot();
    }

    /// <summary>Namespace, processes, reservations, results: all gone.</summary>
    public void AssertClean(Snapshot before, string id)
    {
        Assert.False(File.Exists($"/run/netns/{id}"), $"/run/netns/{id} is left");
        Assert.Equal("", Command.Run(["pgrep", "-a", "-f", $"{id}|{Marker}"]).StandardOutput);
        before.AssertSame(Snapshot());
    }
}
