using System.Text.Json;
using System.Text.Json.Nodes;

namespace Patchbay.SystemTests.Policy;

/// <summary>Space developers, quotas, clean-up and security groups: what the Cloud Controller has a say in.</summary>
public class PolicySpaceTests
{
    private const string Refused = "one or more applications cannot be found or accessed";

    [Fact]
    public void A_space_developer_sees_and_changes_what_is_between_own_apps()
    {
        using PolicyHost host = PolicyHost.Create();
        using CloudFoundryStub cloudFoundry = Started(host);
        string ann = host.Token("ann", "network.write");
        host.External("POST", "v1/external/policies", PolicyHost.Body("mine yours tcp 1", "yours theirs tcp 1")).Is(200);

        host.External("POST", "v1/external/policies", PolicyHost.Body("mine also-mine tcp 8080"), ann).Is(200);
        host.External("POST", "v1/external/policies", PolicyHost.Body("mine other-space tcp 80"), ann).Is(200);
        host.External("POST", "v1/external/policies", PolicyHost.Body("mine also-mine tcp 81", "mine yours tcp 2"), ann).IsError(403, Refused);
        host.External("POST", "v1/external/policies", PolicyHost.Body("mine gone tcp 8080"), ann).IsError(403, Refused);
        host.External("POST", "v1/external/policies/delete", PolicyHost.Body("yours theirs tcp 1"), ann).IsError(403, Refused);
        host.External("POST", "v1/external/policies", PolicyHost.Body("mine also-mine tcp 8080"), host.Token("nobody", "network.write")).IsError(403, Refused);

        JsonElement seen = host.External("GET", "v1/external/policies", token: ann).Is(200).Json;
        Assert.Equal(["also-mine", "other-space"], seen.GetProperty("policies").EnumerateArray().Select(each => each.GetProperty("destination").GetProperty("id").GetString()!));

        cloudFoundry.State["broken"] = true;
        cloudFoundry.Save();
        host.External("POST", "v1/external/policies", PolicyHost.Body("mine also-mine tcp 9"), ann).IsError(500, "check access failed");
        cloudFoundry.Stop();
        host.External("POST", "v1/external/policies", PolicyHost.Body("mine also-mine tcp 9"), ann).IsError(500, "check access failed");
        host.External("POST", "v1/external/policies", PolicyHost.Body("mine also-mine tcp 10")).Is(200);
        Assert.Equal(["mine:yours tcp 1-1", "yours:theirs tcp 1-1", "mine:also-mine tcp 8080-8080", "mine:other-space tcp 80-80", "mine:also-mine tcp 10-10"], host.Enforced());
    }

    [Fact]
    public void With_self_service_a_token_for_the_cloud_controller_will_do()
    {
        using PolicyHost host = PolicyHost.Create();
        host.Configuration["enable_space_developer_self_service"] = true;
        using CloudFoundryStub cloudFoundry = Started(host);
        string ann = host.Token("ann", "cloud_controller.write");

        host.External("POST", "v1/external/policies", PolicyHost.Body("mine also-mine tcp 8080"), ann).Is(200);
        host.External("POST", "v1/external/policies", PolicyHost.Body("mine yours tcp 8080"), ann).IsError(403, Refused);
        host.External("GET", "v1/external/tags", token: ann).Is(403);
    }

    [Fact]
    public void A_developer_may_have_so_many_policies_a_source()
    {
        using PolicyHost host = PolicyHost.Create();
        host.Configuration["max_policies_per_app_source"] = 2;
        using CloudFoundryStub cloudFoundry = Started(host);
        string ann = host.Token("ann", "network.write");
        host.External("POST", "v1/external/policies", PolicyHost.Body("mine also-mine tcp 1"), ann).Is(200);

        host.External("POST", "v1/external/policies", PolicyHost.Body("mine also-mine tcp 2", "mine also-mine tcp 3"), ann).IsError(403, "policy quota exceeded");

        host.External("POST", "v1/external/policies", PolicyHost.Body("mine also-mine tcp 2", "also-mine mine tcp 3"), ann).Is(200);
        host.External("POST", "v1/external/policies", PolicyHost.Body("mine also-mine tcp 4")).Is(200); // an admin may
        Assert.Equal(["mine:also-mine tcp 1-1", "mine:also-mine tcp 2-2", "also-mine:mine tcp 3-3", "mine:also-mine tcp 4-4"], host.Enforced());
    }

    [Fact]
    public void Policies_of_apps_that_are_gone_are_cleaned_up_on_request_and_by_themselves()
    {
        using PolicyHost host = PolicyHost.Create();
        host.Configuration["policy_cleanup_interval"] = 0.005;
        using CloudFoundryStub cloudFoundry = Started(host, start: false);
        cloudFoundry.State["broken"] = true;
        cloudFoundry.Save();
        PolicyServerProcess server = host.Start();
        host.External("POST", "v1/external/policies", PolicyHost.Body("mine also-mine tcp 1", "mine gone tcp 1")).Is(200);

        // While the Cloud Controller does not say which apps there are, none is taken for gone.
        server.WaitForLog("clean-up failed: ");
        host.External("POST", "v1/external/policies/cleanup", "").IsError(500, "policies cleanup failed");
        Assert.Equal(2, host.Enforced().Length);
        cloudFoundry.State.Remove("broken");
        cloudFoundry.Save();
        server.WaitForLog("stale policies deleted: 1");
        Assert.Equal(["mine:also-mine tcp 1-1"], host.Enforced());
        server.Stop();

        host.Configuration["policy_cleanup_interval"] = 0;
        host.Start();
        host.External("POST", "v1/external/policies", PolicyHost.Body("gone mine udp 5-6")).Is(200);
        Assert.Equal(
            """{"total_policies":1,"policies":[{"source":{"id":"gone"},"destination":{"id":"mine","protocol":"udp","ports":{"start":5,"end":6}}}]}""",
            host.External("POST", "v1/external/policies/cleanup", "").Is(200).Body);
        Assert.Equal(["mine:also-mine tcp 1-1"], host.Enforced());
    }

    [Fact]
    public void Security_groups_are_copied_for_agents()
    {
        using PolicyHost host = PolicyHost.Create();
        host.Configuration["asg_poll_interval"] = 0.1;
        using CloudFoundryStub cloudFoundry = Started(host, start: false);
        cloudFoundry.State["security_groups"] = new JsonArray(
            Group("g1", "dns", running: true, []), Group("g2", "own", running: false, ["s1", "s2"]), Group("g3", "other", running: false, ["s3"]));
        cloudFoundry.Save();
        host.Start();
        string changed = host.Internal("GET", "v1/internal/security_groups_last_updated", null, "-H", "If-None-Match: \"0\"", "-H", "Prefer: wait=60").Is(200).Body;
        Assert.NotEqual("0", changed);

        Assert.Equal(
            """{"next":0,"security_groups":[{"guid":"g1","name":"dns","rules":"[{\"protocol\": \"tcp\", \"destination\": \"10.0.0.0/8\", \"ports\": \"53\"}]","staging_default":false,"running_default":true,"staging_space_guids":[],"running_space_guids":[]}]}""",
            host.Internal("GET", "v1/internal/security_groups").Is(200).Body);
        JsonElement first = host.Internal("GET", "v1/internal/security_groups?space_guids=s1,s3&limit=2").Is(200).Json;
        Assert.Equal((3, 2), (first.GetProperty("next").GetInt32(), first.GetProperty("security_groups").GetArrayLength()));
        JsonElement second = host.Internal("GET", "v1/internal/security_groups?space_guids=s1,s3&limit=2&from=3").Is(200).Json;
        Assert.Equal((0, "g3"), (second.GetProperty("next").GetInt32(), second.GetProperty("security_groups")[0].GetProperty("guid").GetString()));
        host.Internal("GET", "v1/internal/security_groups?from=x").IsError(500, "invalid value for 'from' parameter");
        host.Internal("GET", "v1/internal/security_groups?limit=x").IsError(500, "invalid value for 'limit' parameter");
    }

    private static CloudFoundryStub Started(PolicyHost host, bool start = true)
    {
        var cloudFoundry = new CloudFoundryStub(host);
        CloudFoundryStub.Configure(host.Configuration);
        cloudFoundry.State["apps"] = new JsonObject { ["mine"] = "s1", ["also-mine"] = "s1", ["other-space"] = "s2", ["yours"] = "s3", ["theirs"] = "s3" };
        cloudFoundry.State["developers"] = new JsonObject { ["ann"] = new JsonArray("s1", "s2") };
        cloudFoundry.Save();
        if (start)
            host.Start();
        return cloudFoundry;
    }

    private static JsonObject Group(string guid, string name, bool running, string[] spaces) => new()
    {
        ["guid"] = guid,
        ["name"] = name,
        ["globally_enabled"] = new JsonObject { ["running"] = running, ["staging"] = false },
        ["rules"] = JsonNode.Parse("""[{"protocol":"tcp","destination":"10.0.0.0/8","ports":"53"}]"""),
        ["relationships"] = new JsonObject
        {
            ["running_spaces"] = new JsonObject { ["data"] = new JsonArray([.. spaces.Select(each => new JsonObject { ["guid"] = each })]) },
            ["staging_spaces"] = new JsonObject { ["data"] = new JsonArray() },
        },
    };
}
