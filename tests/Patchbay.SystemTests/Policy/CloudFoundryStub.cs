using System.Diagnostics;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>An HTTP server that plays UAA and the Cloud Controller; cloud-foundry.py beside this file.</summary>
internal sealed class CloudFoundryStub : IDisposable
{
    private const int Port = 8080;
    private readonly string _file;
    private readonly Process _process;

    public CloudFoundryStub(PolicyHost host)
    {
        Needs.Program("python3");
        _file = Path.Combine(host.Host.Directory, "cloud-foundry.json");
        State["keys"] = JsonNode.Parse(File.ReadAllText($"{host.Certs}/token_keys.json"))!["keys"]!.DeepClone();
        Save();
        _process = host.Host.Start(["python3", Repository.PathOf("tests/Patchbay.SystemTests/Policy/cloud-foundry.py"), $"{Port}", _file]);
        Assert.Equal("listening", _process.NextLine());
    }

    /// <summary>What there is: apps with their spaces, users with the spaces where they develop, security groups.</summary>
    public JsonObject State { get; } = new()
    {
        ["apps"] = new JsonObject(),
        ["developers"] = new JsonObject(),
        ["security_groups"] = new JsonArray(),
    };

    /// <summary>Makes it what is served from now on.</summary>
    public void Save()
    {
        File.WriteAllText($"{_file}.new", State.ToJsonString());
        File.Move($"{_file}.new", _file, overwrite: true);
    }

    public static void Configure(JsonObject configuration)
    {
        configuration["uaa_url"] = $"http://127.0.0.1:{Port}";
        configuration["cc_url"] = $"http://127.0.0.1:{Port}";
        configuration["uaa_client"] = "network-policy";
        configuration["uaa_client_secret"] = "secret";
    }

    public void Stop()
    {
        _process.Kill();
        Assert.True(_process.WaitForExit(Command.DefaultLimit));
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            Stop();
    }
}
