using System.Text.Json;

namespace Patchbay.SystemTests.Policy;

/// <summary>What an agent that knows a state is told of what came after it.</summary>
public class PolicyChangesTests
{
    [Theory]
    [InlineData(PolicyDatabase.Sqlite)]
    [InlineData(PolicyDatabase.Postgres)]
    public void Of_each_policy_that_changed_how_it_is_now(string database)
    {
        using PolicyHost host = PolicyHost.Create(database);
        PolicyServerProcess server = host.Start();
        host.Allow("a b tcp 80", "c d tcp 80");
        string state = host.Internal("GET", "v1/internal/policies?id=a").Is(200).Headers["Policies-Last-Updated"];
        Assert.Equal(host.Internal("GET", "v1/internal/policies_last_updated").Body, state);
        Assert.Equal($$"""{"last_updated":{{state}},"added":[],"removed":[]}""", Changes(host, state, "a").Is(200).Body);

        host.Allow("a b tcp 81", "c d tcp 81", "e a udp 53-60");
        host.Revoke("a b tcp 80");
        host.Allow("a b tcp 82");
        host.Revoke("a b tcp 82"); // came and went: gone is how it is

        HttpAnswer told = Changes(host, state, "a,x").Is(200);
        Assert.Equal(["a-b 81-81", "e-a 53-60"], Ports(told.Json.GetProperty("added")));
        Assert.Equal(["a-b 80-80", "a-b 82-82"], Ports(told.Json.GetProperty("removed")));
        string now = $"{told.Json.GetProperty("last_updated")}";
        Assert.Equal(host.Internal("GET", "v1/internal/policies_last_updated").Body, now);
        Changes(host, now, "a", "-H", $"If-None-Match: \"{now}\"", "-H", "Prefer: wait=1").Is(304);

        // States that are none, and, after a start, all of before.
        Changes(host, "7", "a").IsError(410, "the state 7 is not remembered: read all policies");
        Changes(host, "", "a").IsError(500, "invalid value for 'since' parameter");
        Assert.Equal(0, server.Stop());
        host.Start();
        Changes(host, state, "a").Is(410);
        Changes(host, now, "a").Is(200);
    }

    [Fact]
    public void Another_servers_changes_are_told_too()
    {
        using PolicyHost host = PolicyHost.Create(PolicyDatabase.Postgres);
        host.Start();
        host.Allow("a b tcp 80", "a b tcp 81");
        string state = host.Internal("GET", "v1/internal/policies_last_updated").Body;
        foreach ((string key, int port) in ((string, int)[])[("listen_port", 5002), ("internal_listen_port", 5003), ("health_check_port", 5004), ("debug_server_port", 5005)])
            host.Configuration[key] = port;
        host.Start();
        host.Curl(
            ["-X", "POST", "-H", $"Authorization: Bearer {host.Token()}", "https://127.0.0.1:5002/networking/v1/external/policies/delete"], PolicyHost.Body("a b tcp 80")).Is(200);

        HttpAnswer told = Changes(host, state, "a", "-H", $"If-None-Match: \"{state}\"", "-H", "Prefer: wait=50").Is(200);
        Assert.Empty(Ports(told.Json.GetProperty("added")));
        Assert.Equal(["a-b 80-80"], Ports(told.Json.GetProperty("removed")));
    }

    [Fact]
    public void An_agent_reads_all_once_and_then_what_changed()
    {
        using AgentHost host = AgentHost.Create();
        foreach (string app in (string[])["a", "b", "c"])
        {
            host.AddContainer($"h-{app}", app);
            host.Serve(app, "tcp/80", "tcp/81");
        }

        PolicyServerProcess server = host.Server.Start();
        host.Allow("a b tcp 80", "c b tcp 80", "c a tcp 80");
        host.StartAgent();
        host.Poll().Is(200);
        Assert.Equal((1, 0), Asked(host));
        host.Poll().Is(200);
        Assert.Equal((1, 0), Asked(host));
        host.Allow("a b tcp 81");
        host.Revoke("a b tcp 80");
        host.Poll().Is(200);
        Assert.Equal((1, 1), Asked(host));
        Assert.Equal(["b:tcp/81"], host.Reached("a", "b:tcp/80", "b:tcp/81", "c:tcp/80"));

        // Of a new app's containers all is asked for, of those that are gone nothing is kept.
        host.Allow("a d tcp 80", "d e tcp 80");
        host.AddContainer("h-d", "d");
        host.Serve("d", "tcp/80");
        host.Forget("h-c");
        host.Poll().Is(200);
        Assert.Equal((2, 2), Asked(host));
        Assert.Equal(["b:tcp/81", "d:tcp/80"], host.Reached("a", "b:tcp/80", "b:tcp/81", "d:tcp/80"));
        Assert.Equal("5", host.Program.Metric("policies")); // all those that name an app that is here
        host.Revoke("c b tcp 80");
        host.Poll().Is(200);
        host.WriteDown("h-c", "c", host.AddressOf("c"));
        host.Poll().Is(200);
        Assert.Equal((3, 3), Asked(host));
        Assert.Equal(["a:tcp/80"], host.Reached("c", "a:tcp/80", "b:tcp/80"));

        // A server that was started again remembers nothing but the state that it found, which is the one that the agent knows.
        Assert.Equal(0, server.Stop());
        host.Server.Start();
        host.Revoke("a b tcp 81", "c a tcp 80");
        host.Poll().Is(200);
        Assert.Equal((0, 1), Asked(host)); // it counts anew
        Assert.Empty(host.Reached("c", "a:tcp/80", "b:tcp/80"));
        Assert.Equal(["d:tcp/80"], host.Reached("a", "b:tcp/80", "b:tcp/81", "d:tcp/80"));
    }

    // How often all policies of some apps were asked for, and how often what changed.
    private static (int All, int Changes) Asked(AgentHost host)
    {
        string[] metrics = host.Server.Curl(["http://127.0.0.1:31946/metrics"]).Body.Split('\n');
        int Count(string route) => metrics.Where(each => each.StartsWith($"patchbay_policy_http_request_seconds_count{{api=\"internal\",route=\"{route}\",status=\"200\"", StringComparison.Ordinal)).Sum(each => int.Parse(each.Split(' ')[1], null));
        return (Count("policies"), Count("policies_changes"));
    }

    private static HttpAnswer Changes(PolicyHost host, string since, string ids, params string[] options) =>
        host.Internal("GET", $"v1/internal/policies_changes?since={since}&id={ids}", null, options);

    private static string[] Ports(JsonElement policies) => [.. policies.EnumerateArray().Select(each =>
    {
        JsonElement destination = each.GetProperty("destination"), ports = destination.GetProperty("ports");
        return $"{each.GetProperty("source").GetProperty("id")}-{destination.GetProperty("id")} {ports.GetProperty("start")}-{ports.GetProperty("end")}";
    })];
}
