namespace Patchbay.SystemTests.Policy;

/// <summary>What an operator changes while the server runs.</summary>
public class PolicyDebugTests
{
    [Fact]
    public void The_log_level_is_switched_while_the_server_runs()
    {
        using PolicyHost host = PolicyHost.Create();
        PolicyServerProcess server = host.Start();
        HttpAnswer Switch(string level, string method = "POST") => host.Curl(["-X", method, "http://127.0.0.1:31821/log-level"], level);
        host.Internal("GET", "v1/internal/policies").Is(200);

        Switch("debug").Is(204);
        server.WaitForLog("log level: debug");
        Assert.DoesNotContain("internal GET", server.Log, StringComparison.Ordinal);
        host.Internal("GET", "v1/internal/policies").Is(200);
        server.WaitForLog("internal GET /networking/v1/internal/policies: 200");

        Switch("info\n").Is(204);
        Switch("loud").IsError(400, "the body must be debug, info, error or fatal");
        Switch("").IsError(400, "the body must be debug, info, error or fatal");
        Assert.Equal(405, Switch("info", "PUT").Status);
        host.External("POST", "/log-level", "debug").Is(404);
        server.WaitForLog("debug POST /log-level: 400");

        Switch("fatal").Is(204);
        int lines = server.Log.Split('\n').Length;
        host.External("GET", "v1/external/policies", token: "").IsError(401, "missing authorization header");
        Assert.Equal(lines, server.Log.Split('\n').Length);
        Assert.Equal(0, server.Stop());
    }
}
