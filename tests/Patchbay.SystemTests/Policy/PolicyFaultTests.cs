using System.Diagnostics;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>What must not be lost: crashes of the server and of the database, a full disk, two servers at once.</summary>
public class PolicyFaultTests
{
    public static readonly TheoryData<string> Databases = [PolicyDatabase.Sqlite, PolicyDatabase.Postgres];

    [Theory]
    [MemberData(nameof(Databases))]
    public async Task What_was_answered_before_a_kill_is_there_after_it(string database)
    {
        using PolicyHost host = PolicyHost.Create(database);
        PolicyServerProcess server = host.Start();
        var confirmed = new List<string>();
        using var killed = new ManualResetEventSlim();

        // Clients create, one policy after another, until the server is gone; each keeps what was confirmed to it.
        Task[] clients = [.. Enumerable.Range(0, 2).Select(client => Task.Run(() =>
        {
            for (int port = 1; !killed.IsSet; port++)
            {
                string policy = $"a{client} b tcp {port}";
                CommandResult result = host.Host.Run(host.CurlCommand(["-X", "POST", "-H", $"Authorization: Bearer {host.Token()}", "https://127.0.0.1:4002/networking/v1/external/policies"], ""), PolicyHost.Body(policy));
                if (result.ExitCode != 0)
                    return;
                HttpAnswer.Parse(result).Is(200);
                lock (confirmed)
                {
                    confirmed.Add(policy);
                    Monitor.PulseAll(confirmed);
                }
            }
        }))];
        lock (confirmed)
        {
            while (confirmed.Count < 12)
                Assert.True(Monitor.Wait(confirmed, Command.DefaultLimit));
        }

        server.Kill();
        killed.Set();
        await Task.WhenAll(clients);

        host.Start();
        string[] there = host.Enforced();
        Assert.All(confirmed, each => Assert.Contains($"{each.Split(' ')[0]}:b tcp {each.Split(' ')[3]}-{each.Split(' ')[3]}", there));
        Assert.InRange(there.Length, confirmed.Count, confirmed.Count + clients.Length);
    }

    [Fact]
    public void While_the_database_is_away_reads_go_on_and_tell_their_age()
    {
        using var postgres = new PostgresServer();
        using PolicyHost host = PolicyHost.Create();
        host.Configuration["database"] = new System.Text.Json.Nodes.JsonObject { ["type"] = "postgres", ["connection_string"] = postgres.ConnectionString(postgres.CreateDatabase()) };
        PolicyServerProcess server = host.Start();
        host.External("POST", "v1/external/policies", PolicyHost.Body("a b tcp 1")).Is(200);
        Assert.False(host.Internal("GET", "v1/internal/policies").Has("Age"));

        postgres.Crash();
        server.WaitForLog("does not answer, reads go on from memory");
        HttpAnswer read = host.Internal("GET", "v1/internal/policies").Is(200);
        Assert.Equal(1, read.Json.GetProperty("policies").GetArrayLength());
        Assert.True(int.Parse(read.Headers["Age"], null) >= 0);
        Assert.True(host.External("GET", "v1/external/policies").Is(200).Has("Age"));
        Assert.True(host.Internal("GET", "v1/internal/policies", null, "-H", $"If-None-Match: {read.Headers["ETag"]}").Is(304).Has("Age"));
        host.External("POST", "v1/external/policies", PolicyHost.Body("a b tcp 2")).IsError(500, "database create failed");
        host.External("POST", "v1/external/policies/delete", PolicyHost.Body("a b tcp 1")).IsError(500, "database delete failed");
        host.External("GET", "v1/external/tags").IsError(500, "database read failed");
        host.External("GET", "/health", token: "").IsError(500, "check database failed");
        Assert.Contains("\npatchbay_policy_database_up 0\n", host.Curl(["http://127.0.0.1:31946/metrics"]).Body, StringComparison.Ordinal);

        postgres.Restart();
        server.WaitForLog("answers again");
        host.External("POST", "v1/external/policies", PolicyHost.Body("a b tcp 3")).Is(200);
        Assert.Equal(["a:b tcp 1-1", "a:b tcp 3-3"], host.Enforced());
        Assert.False(host.Internal("GET", "v1/internal/policies").Has("Age"));
        Assert.Equal(200, host.External("GET", "/health", token: "").Status);
    }

    [Fact]
    public void A_database_file_that_is_moved_away_is_missed_and_taken_back()
    {
        using PolicyHost host = PolicyHost.Create();
        PolicyServerProcess server = host.Start();
        string file = Path.Combine(host.Host.Directory, "policy.db");
        host.External("POST", "v1/external/policies", PolicyHost.Body("a b tcp 1")).Is(200);

        File.Move(file, $"{file}.away");
        host.External("POST", "v1/external/policies", PolicyHost.Body("a b tcp 2")).IsError(500, "database create failed");
        server.WaitForLog("does not answer, reads go on from memory");
        Assert.True(host.Internal("GET", "v1/internal/policies").Is(200).Has("Age"));
        Assert.False(File.Exists(file));

        File.Move($"{file}.away", file);
        server.WaitForLog("answers again");
        host.External("POST", "v1/external/policies", PolicyHost.Body("a b tcp 3")).Is(200);
        Assert.Equal(["a:b tcp 1-1", "a:b tcp 3-3"], host.Enforced());
    }

    [Fact]
    public void A_full_disk_refuses_writes_and_keeps_what_is_there()
    {
        using PolicyHost host = PolicyHost.Create();
        string disk = Path.Combine(host.Host.Directory, "disk");
        Directory.CreateDirectory(disk);
        host.Configuration["database"]!["path"] = $"{disk}/policy.db";
        // A file system of the server's own, in a mount namespace of its own.
        host.Start("unshare", "--mount", "sh", "-c", $"mount -t tmpfs -o size=512k tmpfs {disk} && exec \"$0\" \"$@\"");
        int accepted = 0;
        HttpAnswer answer;
        do
        {
            string[] some = [.. Enumerable.Range(0, 200).Select(each => $"a{accepted} b{each} tcp {each + 1}")];
            answer = host.External("POST", "v1/external/policies", PolicyHost.Body(some));
            accepted += answer.Status == 200 ? some.Length : 0;
        }
        while (answer.Status == 200 && accepted < 100_000);

        answer.IsError(500, "database create failed");
        Assert.True(accepted > 0);
        Assert.Equal(accepted, host.Enforced().Length);
        Assert.Equal(200, host.External("GET", "/health", token: "").Status);
    }

    [Theory]
    [MemberData(nameof(Databases))]
    public void Two_servers_on_one_database_see_what_the_other_did(string database)
    {
        using PolicyHost host = PolicyHost.Create(database);
        host.Start();
        host.Configuration["listen_port"] = 5002;
        host.Configuration["internal_listen_port"] = 5003;
        host.Configuration["health_check_port"] = 5946;
        host.Configuration["debug_server_port"] = 5821;
        host.Start();
        string[] agent = ["--cert", $"{host.Certs}/client.crt", "--key", $"{host.Certs}/client.key"];
        HttpAnswer Other(params string[] options) => host.Curl([.. agent, .. options, "https://127.0.0.1:5003/networking/v1/internal/policies"]);
        string empty = Other().Headers["ETag"];

        Process waiting = host.Host.Start(host.CurlCommand([.. agent, "-H", $"If-None-Match: {empty}", "-H", "Prefer: wait=50", "https://127.0.0.1:5003/networking/v1/internal/policies"], null));
        host.External("POST", "v1/external/policies", PolicyHost.Body("a b tcp 1")).Is(200);
        string seen = waiting.StandardOutput.ReadToEnd();
        Assert.Contains("\"tag\":\"0001\"", seen, StringComparison.Ordinal);

        // A server that writes first takes in what it had not seen yet, and both end up with the same text, known by the same name.
        Parallel.For(0, 10, each =>
        {
            int port = each % 2 == 0 ? 4002 : 5002;
            host.Curl(["-X", "POST", "-H", $"Authorization: Bearer {host.Token()}", $"https://127.0.0.1:{port}/networking/v1/external/policies"], PolicyHost.Body($"c{each} d{each} tcp 1")).Is(200);
        });
        SameOnBoth();
        Assert.Equal(11, host.Enforced().Length);
        TagsAreUnique(22);

        // Both create and delete the same ones at once: whoever came last is right, on both.
        Parallel.For(0, 24, each =>
        {
            int port = each % 2 == 0 ? 4002 : 5002;
            string path = each % 3 == 0 ? "policies/delete" : "policies";
            host.Curl(["-X", "POST", "-H", $"Authorization: Bearer {host.Token()}", $"https://127.0.0.1:{port}/networking/v1/external/{path}"], PolicyHost.Body($"c{each % 4} d{each % 4} tcp 1", $"e{each % 5} c{each % 4} udp 53")).Is(200);
        });
        SameOnBoth();
        TagsAreUnique(host.Enforced().SelectMany(each => each.Split(' ')[0].Split(':')).Distinct().Count());

        void TagsAreUnique(int count) => Assert.Equal(count, host.External("GET", "v1/external/tags").Json.GetProperty("tags").EnumerateArray().Select(each => each.GetProperty("tag").GetString()).Distinct().Count());

        void SameOnBoth()
        {
            long start = Stopwatch.GetTimestamp();
            while (Other("-H", $"If-None-Match: {host.Internal("GET", "v1/internal/policies").Headers["ETag"]}") is { Status: 200 } news)
                Assert.True(Stopwatch.GetElapsedTime(start) < Command.DefaultLimit, $"they differ: {news.Body}");
        }
    }
}
