using System.Text.Json;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Lab.Engines;

namespace Patchbay.SystemTests.Lab;

/// <summary>A host on which a lab is brought up by the executable; named after the host, so that no two tests have the same.</summary>
internal sealed class LabHost : IDisposable
{
    private readonly List<string> _nodes = [];

    public LabHost() => Host = TestHost.Create();

    public TestHost Host { get; }

    /// <summary>The lab's name.</summary>
    public string Name => Host.Name;

    /// <summary>Writes a file of the lab.</summary>
    public string Write(string yaml, string name = "lab.yaml")
    {
        string path = Path.Combine(Host.Directory, name);
        File.WriteAllText(path, yaml);
        return path;
    }

    /// <summary>Runs <c>patchbay lab VERB …</c> on this lab.</summary>
    public CommandResult Lab(string verb, params string[] arguments) => Run([verb, .. arguments.TakeWhile(each => each != "--"), "--name", Name, .. arguments.SkipWhile(each => each != "--")]);

    /// <summary>Runs <c>patchbay lab …</c> as it is typed.</summary>
    public CommandResult Run(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string?>? environment = null) =>
        Host.Run([.. PatchbayProgram.Line, "lab", .. arguments], null, environment);

    /// <summary>Brings a lab up and looks at each step of it.</summary>
    public CommandResult Up(string yaml, params string[] options) => Lab("up", [Write(yaml), "--detach", .. options]).Check();

    /// <summary>The interfaces of a node as <c>ip -j</c> shows them.</summary>
    public JsonElement Ip(string node, string arguments) => In(node, ["ip", "-j", "-d", .. arguments.Split(' ')]).Check().Json;

    /// <summary>Runs a program in a node.</summary>
    public CommandResult In(string node, params IReadOnlyList<string> arguments)
    {
        _nodes.Add(node);
        return Command.Run(["nsenter", $"--net={PathOf(node)}", "--", .. arguments]);
    }

    public string PathOf(string node) => $"/run/netns/{Name}-{node}";

    /// <summary>Pings from a node until an answer comes; two hundred nodes that appear at once say so to one another first.</summary>
    public void Ping(string node, string address) => In(node, "ping", "-c", "1", "-w", "30", address).Check();

    /// <summary>Names of the namespaces that the lab has.</summary>
    public string[] Namespaces() => [.. Directory.EnumerateFiles("/run/netns", $"{Name}-*").Select(path => Path.GetFileName(path)[(Name.Length + 1)..]).Where(node => node != "c0" && node != "c1").Order(StringComparer.Ordinal)];

    /// <summary>Names of the interfaces here that are not the kernel's own.</summary>
    public string[] Interfaces() => [.. Host.IpJson("link show").EnumerateArray().Select(link => link.GetProperty("ifname").GetString()!).Where(name => name != "lo").Order(StringComparer.Ordinal)];

    public void Dispose()
    {
        Run(["down", "--name", Name]);
        Host.Dispose();
    }
}
