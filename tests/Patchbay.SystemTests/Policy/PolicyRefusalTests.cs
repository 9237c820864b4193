using System.Text;
using Patchbay.Policy.Server;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>Requests that are not good enough: the status and the text of each refusal, and that nothing came of it.</summary>
public class PolicyRefusalTests
{
    [Fact]
    public void Bad_bodies_are_refused_with_the_reason()
    {
        using PolicyHost host = PolicyHost.Create();
        host.Start();
        (string Version, string Body, string Text)[] refusals =
        [
            ("v1", """{"policies":[]}""", "mapper: validate policies: missing policies"),
            ("v1", "{}", "mapper: validate policies: missing policies"),
            ("v1", """{"policies":[{}]}""", "mapper: validate policies: missing source id"),
            ("v1", """{"policies":[{"source":{"id":"a"}}]}""", "mapper: validate policies: missing destination id"),
            ("v1", V1("a", "b", "icmp", 1, 1), "mapper: validate policies: invalid destination protocol, specify either udp or tcp"),
            ("v1", """{"policies":[{"source":{"id":"a"},"destination":{"id":"b","protocol":"tcp"}}]}""", "mapper: validate policies: missing start port"),
            ("v1", V1("a", "b", "tcp", -1, 5), "mapper: validate policies: invalid start port -1, must be in range 1-65535"),
            ("v1", V1("a", "b", "tcp", 1, 65536), "mapper: validate policies: invalid end port 65536, must be in range 1-65535"),
            ("v1", V1("a", "b", "tcp", 5, 4), "mapper: validate policies: invalid port range 5-4, start must be less than or equal to end"),
            ("v0", """{"policies":[{"source":{"id":"a"},"destination":{"id":"b","protocol":"tcp"}}]}""", "mapper: validate policies: missing port"),
            ("v0", """{"policies":[{"source":{"id":"a"},"destination":{"id":"b","protocol":"tcp","port":65536}}]}""", "mapper: validate policies: invalid port 65536, must be in range 1-65535"),
            ("v0", """{"policies":[{"source":{"id":"a"},"destination":{"id":"b","protocol":"tcp","port":0}}]}""", "mapper: validate policies: missing port"),
            ("v1", V1("a", "b", "tcp", 1, 1).Replace("\"a\"", "\"a b\"", StringComparison.Ordinal), "mapper: validate policies: invalid source id, it must be 1-255 letters, digits, \"-\", \"_\", \".\" or \":\""),
            ("v1", V1("a", "b,c", "tcp", 1, 1), "mapper: validate policies: invalid destination id, it must be 1-255 letters, digits, \"-\", \"_\", \".\" or \":\""),
            ("v1", """{"policies":[{"source":{"id":"a","tag":"0001"},"destination":{"id":"b","protocol":"tcp","ports":{"start":1,"end":1}}}]}""", "mapper: validate policies: tags may not be specified"),
        ];

        foreach ((string version, string body, string text) in refusals)
        {
            host.External("POST", $"{version}/external/policies", body).IsError(400, text);
            host.External("POST", $"{version}/external/policies/delete", body).IsError(400, text);
        }

        Assert.Empty(host.Enforced());
    }

    [Fact]
    public void What_is_no_document_of_the_kind_is_refused()
    {
        using PolicyHost host = PolicyHost.Create();
        host.Start();
        string deep = $"{{\"policies\":{new string('[', 5000)}{new string(']', 5000)}}}";
        string[] bodies =
        [
            "", "x", "[]", "null", "{\"policies\":{}}", "{\"policies\":[1]}", "{\"policies\":[{\"source\":3}]}", "{\"policies\":[{\"source\":{\"id\":3}}]}",
            deep, V1("a", "b", "tcp", 1, 1) + "{}", "{\"policies\":[{\"source\":{\"id\":\"\\ud800\"}}]}",
            """{"policies":[{"source":{"id":"a","id":"c"},"destination":{"id":"b","protocol":"tcp","ports":{"start":1,"end":1}}}]}""",
            """{"policies":[],"policies":[{"source":{"id":"a"},"destination":{"id":"b","protocol":"tcp","ports":{"start":1,"end":1}}}]}""",
            """{"policies":[{"source":{"id":"a"},"destination":{"id":"b","protocol":"tcp","ports":{"start":1.5,"end":2}}}]}""",
        ];

        foreach (string body in bodies)
        {
            HttpAnswer answer = host.External("POST", "v1/external/policies", body);
            Assert.True(answer.Status == 400, $"{answer.Status} for {body}");
            Assert.Matches("^mapper: (unmarshal json|validate policies): ", answer.Json.GetProperty("error").GetString());
        }

        string bad = Path.Combine(host.Host.Directory, "bad-utf-8");
        File.WriteAllBytes(bad, [.. Encoding.UTF8.GetBytes("{\"policies\":[{\"source\":{\"id\":\"a"), 0xC3, 0x28, .. Encoding.UTF8.GetBytes("\"}}]}")]);
        host.External("POST", "v1/external/policies", null, null, "--data-binary", $"@{bad}").IsError(400, "mapper: unmarshal json: the body is not valid UTF-8");
        Assert.Empty(host.Enforced());
    }

    [Fact]
    public void A_body_above_ten_megabytes_is_not_read()
    {
        using PolicyHost host = PolicyHost.Create();
        PolicyServerProcess server = host.Start();
        string file = Path.Combine(host.Host.Directory, "large");
        string Padded(int length) => V1("a", "b", "tcp", 1, 1).PadRight(length);

        File.WriteAllText(file, Padded(10 << 20));
        host.External("POST", "v1/external/policies", null, null, "--data-binary", $"@{file}").Is(200);
        File.WriteAllText(file, Padded((10 << 20) + 1));
        host.External("POST", "v1/external/policies", null, null, "--data-binary", $"@{file}").IsError(400, "failed reading request body");
        // The same where the length is not told beforehand.
        host.External("POST", "v1/external/policies", null, null, "--http1.1", "-H", "Transfer-Encoding: chunked", "--data-binary", $"@{file}").IsError(400, "failed reading request body");
        Assert.Equal(0, server.Stop());
    }

    [Fact]
    public void Callers_without_the_right_are_refused()
    {
        using PolicyHost host = PolicyHost.Create();
        host.Start();
        string body = V1("a", "b", "tcp", 1, 1);

        foreach ((string method, string path) in ((string, string)[])[("GET", "whoami"), ("GET", "policies"), ("POST", "policies"), ("POST", "policies/delete"), ("POST", "policies/cleanup"), ("GET", "tags")])
        {
            HttpAnswer missing = host.External(method, $"v1/external/{path}", method == "POST" ? body : null, token: "");
            missing.IsError(401, "missing authorization header");
            Assert.Equal("Bearer", missing.Headers["WWW-Authenticate"]);
            string allowed = path is "tags" or "policies/cleanup" ? "[network.admin]" : "[network.admin network.write]";
            host.External(method, $"v1/external/{path}", method == "POST" ? body : null, host.Token("eve", "network.read", "openid"))
                .IsError(403, $"provided scopes [network.read openid] do not include allowed scopes {allowed}");
            host.External(method, $"v2/external/{path}", method == "POST" ? body : null).IsError(406, "api version 'v2' not supported");
        }

        // Without a Cloud Controller nobody but an admin owns anything.
        host.External("POST", "v1/external/policies", body, host.Token("eve", "network.write")).IsError(403, "one or more applications cannot be found or accessed");
        Assert.Equal("""{"total_policies":0,"policies":[]}""", host.External("GET", "v1/external/policies", token: host.Token("eve", "network.write")).Is(200).Body);
        host.External("POST", "v1/external/policies/cleanup", "").IsError(500, "policies cleanup failed");
        Assert.Empty(host.Enforced());
    }

    [Fact]
    public void What_belongs_to_another_port_is_not_there()
    {
        using PolicyHost host = PolicyHost.Create();
        host.Start();

        // The Host header is the caller's to choose; the port it came in by is not.
        host.External("GET", "v1/internal/policies", null, null, "-H", "Host: 127.0.0.1:4003").Is(404);
        host.Internal("GET", "v1/external/policies", null, "-H", "Host: 127.0.0.1:4002").Is(404);
        host.Internal("GET", "/metrics").Is(404);
        host.External("GET", "/metrics", token: "").Is(404);
    }

    [Fact]
    public void A_configuration_that_cannot_be_used_says_what_to_do()
    {
        using PolicyHost host = PolicyHost.Create();
        (string Key, string Value, string Says)[] wrong =
        [
            ("tag_length", "3", "tag_length is 3"),
            ("listen_port", "\"x\"", "listen_port"),
            ("ca_cert_file", "\"/nowhere/ca.crt\"", "/nowhere/ca.crt is not there"),
            ("server_key_file", $"\"{host.Certs}/client.key\"", "server.crt"),
            ("token_keys_file", "\"\"", "neither uaa_url nor token_keys_file"),
            ("database", """{"type":"mysql"}""", "\"mysql\"; it must be sqlite or postgres"),
            ("database", """{"path":"/nowhere/policy.db"}""", "/nowhere is not there"),
            ("listen_host", "\"example.com\"", "listen_host is \"example.com\""),
            ("log_level", "\"loud\"", "log_level is \"loud\""),
        ];

        foreach ((string key, string value, string says) in wrong)
        {
            var configuration = host.Configuration.DeepClone().AsObject();
            configuration[key] = System.Text.Json.Nodes.JsonNode.Parse(value);
            string file = Path.Combine(host.Host.Directory, "wrong.json");
            File.WriteAllText(file, configuration.ToJsonString());
            CommandResult result = host.Host.Run(PolicyHost.Executable, "policy", "server", "--config", file);
            Assert.Equal(1, result.ExitCode);
            Assert.Contains(says, result.StandardError, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void The_example_is_understood()
    {
        var example = ServerConfiguration.Read(Repository.PathOf("examples/policy/server.json"));

        Assert.Null(example.Unknown);
        Assert.Contains("ca_cert_file: /etc/patchbay/certs/ca.crt", Assert.Throws<InvalidDataException>(example.Check).Message, StringComparison.Ordinal);
    }

    private static string V1(string source, string destination, string protocol, int start, int end) =>
        PolicyHost.Body($"{source} {destination} {protocol} 1").Replace("{\"start\":1,\"end\":1}", $"{{\"start\":{start},\"end\":{end}}}", StringComparison.Ordinal);
}
