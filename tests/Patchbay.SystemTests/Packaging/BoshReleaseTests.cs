using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Overlay;
using Patchbay.SystemTests.Policy;

namespace Patchbay.SystemTests.Packaging;

/// <summary>The example release of packaging/bosh: what its templates make with the defaults of their specs is run, below another root than /var/vcap.</summary>
public sealed partial class BoshReleaseTests : IDisposable
{
    private readonly OverlayHosts _hosts = new();

    private string Root => Path.Combine(_hosts.One.Directory, "vcap");

    public void Dispose() => _hosts.Dispose();

    [Fact]
    public void A_cells_agents_and_the_controller_run_with_what_the_templates_make()
    {
        Render("patchbay-controller", new() { ["listen_ip"] = "192.0.2.1", ["lease_database"] = new JsonObject { ["type"] = "sqlite", ["path"] = _hosts.LeaseDatabase } });
        Render("patchbay-agent", new() { ["overlay_controller_url"] = "https://192.0.2.1:4103", ["policy_server_url"] = "https://192.0.2.1:4003", ["lease_poll_interval_seconds"] = 1 });
        Render("patchbay-cni", []);
        string cell = $"{Root}/jobs/patchbay-agent", controllers = $"{Root}/jobs/patchbay-controller";
        _hosts.One.Run(PolicyHost.Executable, "policy", "certs", $"{controllers}/config/certs", "--name", "192.0.2.1").Check();
        Directory.CreateDirectory($"{cell}/config/certs");
        foreach (string file in (string[])["ca.crt", "client.crt", "client.key"])
            File.Copy($"{controllers}/config/certs/{file}", $"{cell}/config/certs/{file}", overwrite: true);

        _hosts.One.Run("bash", $"{cell}/bin/pre-start").Check();
        PolicyServerProcess controller = PolicyServerProcess.Start(_hosts.One, [PolicyHost.Executable, "overlay", "controller", "--config", $"{controllers}/config/overlay-controller.json"]);
        PolicyServerProcess agents = PolicyServerProcess.Start(
            _hosts.One, [PolicyHost.Executable, "overlay", "agent", "--config", $"{cell}/config/overlay-agent.json", "--policy", $"{cell}/config/policy-agent.json"]);
        _hosts.One.Run("bash", $"{cell}/bin/post-start").Check();

        Assert.DoesNotContain("is not known and has no effect", controller.Log + agents.Log, StringComparison.Ordinal);
        JsonElement conflist = JsonDocument.Parse(File.ReadAllText($"{Root}/jobs/patchbay-cni/config/cni/30-cni-wrapper-plugin.conflist")).RootElement;
        JsonElement wrapper = conflist.GetProperty("plugins")[0];
        Assert.True(File.Exists(wrapper.GetProperty("delegate").GetProperty("subnetFile").GetString()), "the flannel plugin reads what the agent writes");
        Assert.Equal(Json($"{cell}/config/overlay-agent.json")["datastore"]!.ToString(), wrapper.GetProperty("datastore").GetString());

        agents.Stop();
        _hosts.One.Run(PolicyHost.Executable, "overlay", "teardown", "--wait", "--config", $"{cell}/config/overlay-agent.json").Check();
        Assert.False(_hosts.One.HasLink(OverlayHosts.Vtep));
    }

    [Fact]
    public void Scripts_and_YAML_can_be_read_and_every_template_is_there()
    {
        foreach (string job in Directory.GetDirectories(Repository.PathOf("packaging/bosh/jobs")))
        {
            JsonNode spec = Yaml(Path.Combine(job, "spec"));
            Assert.True(File.Exists(Path.Combine(job, "monit")), job);
            Assert.Equal(
                Directory.GetFiles(Path.Combine(job, "templates")).Select(Path.GetFileName).Order(StringComparer.Ordinal),
                spec["templates"]!.AsObject().Select(each => each.Key).Order(StringComparer.Ordinal));
            foreach (string script in spec["templates"]!.AsObject().Where(each => each.Value!.ToString().StartsWith("bin/", StringComparison.Ordinal)).Select(each => each.Key))
                _hosts.One.Run("bash", "-n", Path.Combine(job, "templates", script)).Check();
        }

        Yaml(Repository.PathOf("packaging/bosh/operations/use-patchbay.yml"));
    }

    // What BOSH does with a job on a VM, for the expressions that these templates have.
    private void Render(string job, Dictionary<string, JsonNode> properties)
    {
        string source = Repository.PathOf($"packaging/bosh/jobs/{job}");
        JsonNode spec = Yaml(Path.Combine(source, "spec"));
        JsonNode? Value(string name) => properties.TryGetValue(name, out JsonNode? told) ? told : (spec["properties"]![name] ?? throw new InvalidDataException($"{job}: property {name} is not in the spec"))["default"];
        foreach ((string template, JsonNode? target) in spec["templates"]!.AsObject())
        {
            string text = File.ReadAllText(Path.Combine(source, "templates", template));
            text = Expression().Replace(text, match => match.Groups["hours"].Success
                ? (Value(match.Groups["hours"].Value)!.GetValue<int>() * 3600).ToString(System.Globalization.CultureInfo.InvariantCulture)
                : match.Groups["json"].Success ? Value(match.Groups["json"].Value)!.ToJsonString() : Value(match.Groups["text"].Value)?.ToString() ?? "");
            Assert.DoesNotContain("<%", text, StringComparison.Ordinal);
            string file = Path.Combine(Root, "jobs", job, target!.ToString());
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, text.Replace("/var/vcap", Root, StringComparison.Ordinal));
            if (target.ToString().Contains(".json", StringComparison.Ordinal) || target.ToString().EndsWith("conflist", StringComparison.Ordinal))
                Json(file);
            if (target.ToString().StartsWith("config/certs/", StringComparison.Ordinal))
                File.Delete(file); // made by patchbay policy certs here
        }
    }

    [GeneratedRegex("""<%= (\(p\("(?<hours>\w+)"\) \* 3600\)\.to_json|p\("(?<json>\w+)"\)\.to_json|p\("(?<text>\w+)"\)) %>""")]
    private static partial Regex Expression();

    private static JsonNode Json(string file) => JsonNode.Parse(File.ReadAllText(file))!;

    private JsonNode Yaml(string file) =>
        JsonNode.Parse(_hosts.One.Run("python3", "-c", "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))", file).Check().StandardOutput)!;
}
