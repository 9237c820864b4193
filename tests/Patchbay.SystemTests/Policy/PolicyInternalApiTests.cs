using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Policy;

/// <summary>The internal API over mutual TLS, as agents ask it.</summary>
public class PolicyInternalApiTests
{
    private static readonly string[] Apps =
    [
        "4a2d3627-0b8c-42d1-9563-22696eedc05d", "eb95ff20-cba8-4edc-8f4a-cf80d0669faf", "3b348978-a3cb-487c-a277-58fdc3e2c678",
        "b611f7e6-c8fe-41cb-b150-92581aafa5c2", "8fa287c9-0d01-491e-a1d5-d6e2d8a1ef61", "d5bbc5ed-886a-44e6-945d-67df1013fa16", "5351a742-6704-46df-8de0-1a376adab65c",
    ];

    public static readonly TheoryData<string> Databases = [PolicyDatabase.Sqlite, PolicyDatabase.Postgres];

    [Theory]
    [MemberData(nameof(Databases))]
    public void The_documented_calls_get_the_documents_of_the_first_release(string database)
    {
        using PolicyHost host = PolicyHost.Create(database);
        host.Start();
        host.External("POST", "v1/external/policies", PolicyHost.Body(
            $"{Apps[0]} {Apps[1]} tcp 8080", $"{Apps[2]} {Apps[3]} tcp 8080", $"{Apps[4]} {Apps[4]} tcp 8080", $"{Apps[5]} {Apps[5]} tcp 5555")).Is(200);
        // The names of the call are the cell's: this is what its DNS and its directory would say.
        File.WriteAllText(Path.Combine(host.Host.Directory, ".curlrc"), "resolve = \"policy-server.service.cf.internal:4003:127.0.0.1\"\n");
        string Typed(string query) => host.Host.Run(
            ["sh", "-c", $"cd {host.Host.Directory}; curl -s --cacert certs/ca.crt --cert certs/client.crt --key certs/client.key https://policy-server.service.cf.internal:4003/networking/v0/internal/policies{query}"],
            null, new Dictionary<string, string?> { ["CURL_HOME"] = host.Host.Directory }).Check().StandardOutput;

        Assert.Equal(Document((0, 1, 8080), (2, 3, 8080), (4, 4, 8080), (5, 5, 5555)), Typed(""));

        host.External("POST", "v1/external/policies", PolicyHost.Body($"{Apps[6]} {Apps[6]} tcp 5555")).Is(200);
        Assert.Equal(Document((5, 5, 5555), (6, 6, 5555)), Typed($"?id={Apps[6]},{Apps[5]}"));
    }

    [Fact]
    public void Ports_have_the_form_of_the_version_and_ranges_are_never_left_out()
    {
        using PolicyHost host = PolicyHost.Create();
        host.Start();
        host.External("POST", "v1/external/policies", PolicyHost.Body("a b tcp 8080", "a c udp 1000-2000")).Is(200);

        JsonElement old = host.Internal("GET", "v0/internal/policies").Is(200).Json.GetProperty("policies");
        JsonElement present = host.Internal("GET", "v1/internal/policies").Is(200).Json.GetProperty("policies");

        Assert.Equal("""{"id":"b","port":8080,"protocol":"tcp","tag":"0002"}""", old[0].GetProperty("destination").GetRawText());
        Assert.Equal("""{"id":"b","ports":{"start":8080,"end":8080},"protocol":"tcp","tag":"0002"}""", present[0].GetProperty("destination").GetRawText());
        Assert.Equal("""{"id":"c","ports":{"start":1000,"end":2000},"protocol":"udp","tag":"0003"}""", old[1].GetProperty("destination").GetRawText());
        Assert.Equal(present[1].GetRawText(), old[1].GetRawText());
        Assert.Equal("""{"policies":[]}""", host.Internal("GET", "v1/internal/policies?id=").Is(200).Body);
        Assert.Equal("""{"policies":[]}""", host.Internal("GET", "v1/internal/policies?id=nobody").Is(200).Body);
        Assert.Equal(1, host.Internal("GET", "whatever/internal/policies?id=b,b").Is(200).Json.GetProperty("policies").GetArrayLength());
    }

    [Fact]
    public void An_agent_that_has_the_newest_hears_so()
    {
        using PolicyHost host = PolicyHost.Create();
        host.Start();
        host.External("POST", "v1/external/policies", PolicyHost.Body("a b tcp 1", "c d tcp 1")).Is(200);
        string all = host.Internal("GET", "v1/internal/policies").Headers["ETag"];
        string some = host.Internal("GET", "v1/internal/policies?id=a,x").Headers["ETag"];
        string number = host.Internal("GET", "v1/internal/policies_last_updated").Is(200).Body;

        HttpAnswer same = host.Internal("GET", "v1/internal/policies?id=a,x", null, "-H", $"If-None-Match: {some}").Is(304);
        Assert.Equal(("", some), (same.Body, same.Headers["ETag"]));
        host.Internal("GET", "v1/internal/policies", null, "-H", $"If-None-Match: W/{all}, \"x\"").Is(304);
        host.Internal("GET", "v0/internal/policies", null, "-H", $"If-None-Match: {all}").Is(200);
        host.Internal("GET", "v1/internal/policies_last_updated", null, "-H", $"If-None-Match: \"{number}\"").Is(304);

        host.External("POST", "v1/external/policies", PolicyHost.Body("c d tcp 2")).Is(200);
        host.Internal("GET", "v1/internal/policies", null, "-H", $"If-None-Match: {all}").Is(200);
        host.Internal("GET", "v1/internal/policies?id=a,x", null, "-H", $"If-None-Match: {some}").Is(304); // none of its apps changed
        Assert.True(long.Parse(host.Internal("GET", "v1/internal/policies_last_updated").Body, null) > long.Parse(number, null));

        // What is deleted and created again has the text that it had, and so its name.
        host.External("POST", "v1/external/policies/delete", PolicyHost.Body("c d tcp 2")).Is(200);
        host.Internal("GET", "v1/internal/policies", null, "-H", $"If-None-Match: {all}").Is(304);
    }

    [Fact]
    public void An_agent_may_wait_for_a_change_of_what_it_asks_for()
    {
        using PolicyHost host = PolicyHost.Create();
        PolicyServerProcess server = host.Start();
        host.External("POST", "v1/external/policies", PolicyHost.Body("a b tcp 1", "c d tcp 1")).Is(200);
        string tag = host.Internal("GET", "v1/internal/policies?id=a").Headers["ETag"];
        IReadOnlyList<string> call = host.CurlCommand(
            ["--cert", $"{host.Certs}/client.crt", "--key", $"{host.Certs}/client.key", "-H", $"If-None-Match: {tag}", "-H", "Prefer: wait=50",
                "https://127.0.0.1:4003/networking/v1/internal/policies?id=a"], null);

        Process waiting = host.Host.Start(call);
        WaitForLongPolls(host, 1);
        host.External("POST", "v1/external/policies", PolicyHost.Body("c d tcp 2")).Is(200);
        WaitForLongPolls(host, 1); // another app's change is no news
        host.External("POST", "v1/external/policies", PolicyHost.Body("b a tcp 2")).Is(200);
        HttpAnswer answer = Ended(waiting);
        Assert.Equal(2, answer.Is(200).Json.GetProperty("policies").GetArrayLength());
        Assert.Equal("wait=50", answer.Headers["Preference-Applied"]);

        host.Internal("GET", "v1/internal/policies?id=a", null, "-H", $"If-None-Match: {answer.Headers["ETag"]}", "-H", "Prefer: wait=1").Is(304);
        // A server that stops lets nobody wait.
        Process last = host.Host.Start([.. call.Select(each => each.Replace(tag, answer.Headers["ETag"], StringComparison.Ordinal))]);
        WaitForLongPolls(host, 1);
        Assert.Equal(0, server.Stop());
        Ended(last).Is(304);
    }

    [Fact]
    public void Tags_for_what_is_no_app()
    {
        using PolicyHost host = PolicyHost.Create();
        host.Start();

        Assert.Equal("""{"id":"INGRESS_ROUTER","tag":"0001","type":"router"}""", host.Internal("PUT", "v1/internal/tags", """{"id":"INGRESS_ROUTER","type":"router"}""").Is(200).Body);
        Assert.Equal("""{"id":"INGRESS_ROUTER","tag":"0001","type":"router"}""", host.Internal("PUT", "v1/internal/tags", """{"id":"INGRESS_ROUTER","type":"router"}""").Is(200).Body);
        host.Internal("PUT", "v1/internal/tags", """{"id":"INGRESS_ROUTER","type":"app"}""").IsError(500, "database create failed");
        foreach (string body in (string[])["", "x", "{}", "[]", """{"id":"","type":"router"}""", """{"id":"a b","type":"router"}""", """{"id":1,"type":"router"}"""])
            host.Internal("PUT", "v1/internal/tags", body).IsError(400, "failed parsing request body");
    }

    [Fact]
    public void A_cell_may_name_all_of_its_apps_in_one_call()
    {
        using PolicyHost host = PolicyHost.Create();
        host.Start();
        host.External("POST", "v1/external/policies", PolicyHost.Body("a b tcp 1")).Is(200);

        // As many as one argument of a command holds; and as curl's HTTP/2 puts into one request (64 KiB).
        foreach ((string version, int count) in ((string, int)[])[("--http1.1", 3000), ("--http2", 1500)])
        {
            string ids = string.Join(',', Enumerable.Range(0, count).Select(_ => Guid.NewGuid()));
            Assert.Equal(1, host.Internal("GET", $"v1/internal/policies?id={ids},a", null, version).Is(200).Json.GetProperty("policies").GetArrayLength());
        }
    }

    private static string Document(params (int Source, int Destination, int Port)[] policies) => new JsonObject
    {
        ["policies"] = new JsonArray([.. policies.Select(each => new JsonObject
        {
            ["destination"] = new JsonObject { ["id"] = Apps[each.Destination], ["port"] = each.Port, ["protocol"] = "tcp", ["tag"] = $"{each.Destination + 1:X4}" },
            ["source"] = new JsonObject { ["id"] = Apps[each.Source], ["tag"] = $"{each.Source + 1:X4}" },
        })]),
    }.ToJsonString();

    private static void WaitForLongPolls(PolicyHost host, int count)
    {
        long start = Stopwatch.GetTimestamp();
        while (!host.Curl(["http://127.0.0.1:31946/metrics"]).Body.Contains($"\npatchbay_policy_long_polls {count}\n", StringComparison.Ordinal))
            Assert.True(Stopwatch.GetElapsedTime(start) < Command.DefaultLimit, $"there are not {count} requests waiting");
    }

    private static HttpAnswer Ended(Process curl)
    {
        string output = curl.StandardOutput.ReadToEnd();
        Assert.True(curl.WaitForExit(Command.DefaultLimit));
        return HttpAnswer.Parse(new CommandResult("curl", curl.ExitCode, output, "", TimeSpan.Zero).Check());
    }
}
