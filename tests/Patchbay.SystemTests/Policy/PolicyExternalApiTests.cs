using System.Text.Json;

namespace Patchbay.SystemTests.Policy;

/// <summary>The external API over TLS, with both kinds of database behind it.</summary>
public class PolicyExternalApiTests
{
    public static readonly TheoryData<string> Databases = [PolicyDatabase.Sqlite, PolicyDatabase.Postgres];

    [Theory]
    [MemberData(nameof(Databases))]
    public void Policies_are_created_listed_and_deleted(string database)
    {
        using PolicyHost host = PolicyHost.Create(database);
        PolicyServerProcess server = host.Start();

        Assert.Equal("{}", host.External("POST", "v1/external/policies", PolicyHost.Body("a b tcp 8080", "b c udp 1000-2000", "a c tcp 53")).Is(200).Body);

        Assert.Equal(
            """{"total_policies":3,"policies":[{"source":{"id":"a"},"destination":{"id":"b","protocol":"tcp","ports":{"start":8080,"end":8080}}},"""
            + """{"source":{"id":"b"},"destination":{"id":"c","protocol":"udp","ports":{"start":1000,"end":2000}}},"""
            + """{"source":{"id":"a"},"destination":{"id":"c","protocol":"tcp","ports":{"start":53,"end":53}}}]}""",
            host.External("GET", "v1/external/policies").Is(200).Body);
        Assert.Equal(
            """{"total_policies":2,"policies":[{"source":{"id":"a"},"destination":{"id":"b","protocol":"tcp","port":8080}},{"source":{"id":"a"},"destination":{"id":"c","protocol":"tcp","port":53}}]}""",
            host.External("GET", "v0/external/policies").Is(200).Body);
        Assert.Equal(
            """{"tags":[{"id":"a","tag":"0001","type":"app"},{"id":"b","tag":"0002","type":"app"},{"id":"c","tag":"0003","type":"app"}]}""",
            host.External("GET", "v1/external/tags").Is(200).Body);
        Assert.Equal("{}", host.External("POST", "v1/external/policies/delete", PolicyHost.Body("a b tcp 8080", "x y tcp 1")).Is(200).Body);
        Assert.Equal("{}", host.External("DELETE", "v0/external/policies", """{"policies":[{"source":{"id":"a"},"destination":{"id":"c","protocol":"tcp","port":53}}]}""").Is(200).Body);
        Assert.Equal(["b:c udp 1000-2000"], host.Enforced());
        Assert.Equal(0, server.Stop());

        // The next server finds what the last one kept.
        host.Start();
        Assert.Equal(["b:c udp 1000-2000"], host.Enforced());
    }

    [Theory]
    [InlineData("id=a", "a-b b-a c-a")]
    [InlineData("id=c,d", "b-c c-a d-b")]
    [InlineData("source_id=a,b", "a-b b-a b-c")]
    [InlineData("dest_id=b", "a-b d-b")]
    [InlineData("source_id=a,d&dest_id=b,c", "a-b d-b")]
    [InlineData("id=nobody", "")]
    [InlineData("id=", "")]
    public void Lists_are_filtered(string query, string expected)
    {
        using PolicyHost host = PolicyHost.Create();
        host.Start();
        host.External("POST", "v1/external/policies", PolicyHost.Body("a b tcp 1", "b a tcp 1", "b c tcp 1", "c a tcp 1", "d b tcp 1")).Is(200);

        JsonElement list = host.External("GET", $"v1/external/policies?{query}").Is(200).Json;

        string[] found = [.. list.GetProperty("policies").EnumerateArray().Select(each => $"{each.GetProperty("source").GetProperty("id")}-{each.GetProperty("destination").GetProperty("id")}")];
        Assert.Equal(expected, string.Join(' ', found));
        Assert.Equal(found.Length, list.GetProperty("total_policies").GetInt32());
    }

    [Fact]
    public void Whoami_uptime_health_headers_and_options()
    {
        using PolicyHost host = PolicyHost.Create();
        host.Configuration["allowed_cors_domains"] = new System.Text.Json.Nodes.JsonArray("https://console.example.com");
        host.Start();

        Assert.Equal("""{"subject":"alice"}""", host.External("GET", "v1/external/whoami", token: host.Token("alice", "network.write")).Is(200).Body);
        Assert.Equal("""{"subject":"alice","user_name":"alice"}""", host.External("GET", "v0/external/whoami", token: host.Token("alice", "network.write")).Is(200).Body);
        foreach (string path in (string[])["/", "/networking"])
            Assert.StartsWith("Network policy server, up for ", host.External("GET", path, token: "").Is(200).Body, StringComparison.Ordinal);
        HttpAnswer health = host.External("GET", "/health", token: "").Is(200);
        Assert.Equal("1; mode=block", health.Headers["X-XSS-Protection"]);
        Assert.Equal("nosniff", health.Headers["X-Content-Type-Options"]);
        Assert.Equal("deny", health.Headers["X-Frame-Options"]);
        Assert.Equal("frame-ancestors 'none'", health.Headers["Content-Security-Policy"]);
        Assert.Equal("max-age=31536000", health.Headers["Strict-Transport-Security"]);
        Assert.False(health.Has("Access-Control-Allow-Origin"));

        HttpAnswer options = host.External("OPTIONS", "v1/external/policies", null, "", "-H", "Origin: https://console.example.com").Is(200);
        Assert.Equal("https://console.example.com", options.Headers["Access-Control-Allow-Origin"]);
        Assert.Equal("authorization", options.Headers["Access-Control-Allow-Headers"]);
        Assert.Equal(["DELETE", "GET", "POST"], options.Headers["Access-Control-Allow-Methods"].Split(',').Order());
        Assert.False(host.External("OPTIONS", "v1/external/policies", null, "", "-H", "Origin: https://evil.example.com").Is(200).Has("Access-Control-Allow-Origin"));
    }

    [Fact]
    public void The_description_names_every_route()
    {
        using PolicyHost host = PolicyHost.Create();
        host.Start();
        JsonElement paths = host.External("GET", "/openapi.json", token: "").Is(200).Json.GetProperty("paths");

        foreach (JsonProperty path in paths.EnumerateObject())
        {
            string called = path.Name.Replace("{version}", "v1", StringComparison.Ordinal);
            string[] methods = host.External("OPTIONS", called, token: "").Is(200).Headers["Access-Control-Allow-Methods"].Split(',');
            Assert.Equal(methods.Order(), path.Value.EnumerateObject().Select(each => each.Name.ToUpperInvariant()).Where(each => each != "PARAMETERS").Order());
        }

        Assert.Equal(
            ["/", "/health", "/networking", "/networking/{version}/external/policies", "/networking/{version}/external/policies/cleanup",
                "/networking/{version}/external/policies/delete", "/networking/{version}/external/tags", "/networking/{version}/external/whoami", "/openapi.json"],
            paths.EnumerateObject().Select(each => each.Name).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Metrics_tell_what_happened()
    {
        using PolicyHost host = PolicyHost.Create();
        host.Start();
        host.External("POST", "v1/external/policies", PolicyHost.Body("a b tcp 8080")).Is(200);

        string metrics = host.Curl(["http://127.0.0.1:31946/metrics"]).Is(200).Body;

        Assert.Contains("\npatchbay_policy_policies 1\n", metrics, StringComparison.Ordinal);
        Assert.Contains("\npatchbay_policy_database_up 1\n", metrics, StringComparison.Ordinal);
        Assert.Contains("""patchbay_policy_http_request_seconds_count{api="external",route="create_policies",status="200"} 1""", metrics, StringComparison.Ordinal);
        Assert.Contains("""patchbay_policy_store_seconds_count{operation="create",outcome="success"} 1""", metrics, StringComparison.Ordinal);
        Assert.Equal(200, host.Curl(["http://127.0.0.1:31946/health"]).Status);
    }
}
