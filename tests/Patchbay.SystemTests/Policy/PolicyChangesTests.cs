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
        foreach ((string key, int port) in ((string, int)[])[("listen_port", 5002), ("internal_listen_port", 5003), ("health_check_port", 5004)])
            host.Configuration[key] = port;
        host.Start();
        host.Curl(
            ["-X", "POST", "-H", $"Authorization: Bearer {host.Token()}", "https://127.0.0.1:5002/networking/v1/external/policies/delete"], PolicyHost.Body("a b tcp 80")).Is(200);

        HttpAnswer told = Changes(host, state, "a", "-H", $"If-None-Match: \"{state}\"", "-H", "Prefer: wait=50").Is(200);
        Assert.Empty(Ports(told.Json.GetProperty("added")));
        Assert.Equal(["a-b 80-80"], Ports(told.Json.GetProperty("removed")));
    }

    private static HttpAnswer Changes(PolicyHost host, string since, string ids, params string[] options) =>
        host.Internal("GET", $"v1/internal/policies_changes?since={since}&id={ids}", null, options);

    private static string[] Ports(JsonElement policies) => [.. policies.EnumerateArray().Select(each =>
    {
        JsonElement destination = each.GetProperty("destination"), ports = destination.GetProperty("ports");
        return $"{each.GetProperty("source").GetProperty("id")}-{destination.GetProperty("id")} {ports.GetProperty("start")}-{ports.GetProperty("end")}";
    })];
}
