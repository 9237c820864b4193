using System.Diagnostics;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>A policy server that says whatever it is told to, without the means to tell of changes; internal-api.py beside this file.</summary>
internal sealed class InternalApiStub
{
    private readonly string _file;

    public InternalApiStub(AgentHost host)
    {
        _file = Path.Combine(host.Host.Directory, "internal-api.json");
        Save();
        Process process = host.Host.Start(["python3", Repository.PathOf("tests/Patchbay.SystemTests/Policy/internal-api.py"), "4003", _file, host.Server.Certs]);
        Assert.Equal("listening", process.NextLine());
    }

    /// <summary>The text of the list, whatever it is.</summary>
    public string Policies { get; set; } = """{"policies":[]}""";

    /// <summary>The router's tag; null for a failure.</summary>
    public string? Tag { get; set; }

    /// <summary>The state's number; null for a server that has none.</summary>
    public long? LastUpdated { get; set; }

    /// <summary>Makes it what is served from now on.</summary>
    public void Save()
    {
        File.WriteAllText($"{_file}.new", new JsonObject { ["policies"] = Policies, ["tag"] = Tag, ["last_updated"] = LastUpdated }.ToJsonString());
        File.Move($"{_file}.new", _file, overwrite: true);
    }

    /// <summary>A policy in the form of the internal API.</summary>
    public static string Policy(string source, string tag, string destination, string protocol, string start, string end) =>
        $$"""{"source":{"id":"{{source}}","tag":"{{tag}}"},"destination":{"id":"{{destination}}","tag":"00ff","protocol":"{{protocol}}","ports":{"start":{{start}},"end":{{end}} } } }""";
}
