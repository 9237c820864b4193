using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>A whole chain, as Podman or nerdctl run it: what one set of plugins added, the other checks and deletes.</summary>
public class ChainInteropTests
{
    private const string Version = "1.0.0";

    private static readonly (string Type, string Keys)[] Chain =
    [
        ("portmap", """
            { "snat": true, "capabilities": { "portMappings": true },
              "runtimeConfig": { "portMappings": [{ "hostPort": 8080, "containerPort": 80, "protocol": "tcp" }, { "hostPort": 8053, "containerPort": 53, "protocol": "udp" }] } }
            """),
        ("firewall", """{ "ingressPolicy": "same-bridge" }"""),
        ("tuning", """{ "sysctl": { "net.core.somaxconn": "500" }, "mtu": 1400 }"""),
        ("bandwidth", """{ "ingressRate": 10000000, "ingressBurst": 8000000, "egressRate": 10000000, "egressBurst": 8000000 }"""),
    ];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Chain_of_five_is_added_by_one_and_checked_and_deleted_by_the_other(bool addedByOurs)
    {
        Plugin.NeedsOurs(["bridge", "host-local", .. Chain.Select(each => each.Type)]);
        Needs.Ifb();
        Needs.Tbf();
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Plugin Ours(string type) => new(host, type);
        Plugin Theirs(string type) => ReferencePlugins.Plugin(host, type);
        Func<string, Plugin> adds = addedByOurs ? Ours : Theirs, deletes = addedByOurs ? Theirs : Ours;
        string bridge = Conf.Bridge(host, """{ "isDefaultGateway": true, "ipMasq": true }""", Version);

        // What all attachments share, and nobody removes, is made by the one that adds.
        Delete(adds, container, bridge, Add(adds, container, bridge));
        Snapshot before = Snapshot.Take(host, except: "cni0");

        PluginResult last = Add(adds, container, bridge);
        Assert.Equal("500", container.Sysctl("core/somaxconn"));
        Assert.Equal(1400, container.Mtu("eth0"));
        deletes("bridge").Check(container, Conf.WithResult(bridge, last)).Check();
        foreach ((string type, string keys) in Chain)
        {
            // portmap's CHECK of the reference 1.1.1 looks for the rules of IPv4 in the chain of IPv6.
            if (type != "portmap" || !addedByOurs)
                deletes(type).Check(container, Conf.WithResult(Config(type, keys), last)).Check();
        }

        Delete(deletes, container, bridge, last);
        if (addedByOurs)
        {
            // Our firewall's notes of who owns which address, and our portmap's of the ports that ::1 has a part in: the reference does not know
            // of them, and they let nobody pass. Our GC takes them.
            foreach (string type in (string[])["firewall", "portmap"])
            {
                JsonObject collect = JsonNode.Parse(Config(type, Chain.Single(each => each.Type == type).Keys))!.AsObject();
                (collect["cniVersion"], collect["cni.dev/valid-attachments"]) = ("1.1.0", new JsonArray());
                Ours(type).Invoke("GC", collect.ToJsonString()).Check();
            }
        }

        before.AssertSame(Snapshot.Take(host, except: "cni0"));
        Delete(deletes, container, bridge, last);
    }

    private static string Config(string type, string keys)
    {
        JsonObject config = JsonNode.Parse(keys)!.AsObject();
        (config["cniVersion"], config["name"], config["type"]) = (Version, "net", type);
        return config.ToJsonString();
    }

    private static PluginResult Add(Func<string, Plugin> plugins, TestNamespace container, string bridge)
    {
        PluginResult result = plugins("bridge").Add(container, bridge).Check();
        foreach ((string type, string keys) in Chain)
            result = plugins(type).Add(container, Conf.WithResult(Config(type, keys), result)).Check();
        return result;
    }

    private static void Delete(Func<string, Plugin> plugins, TestNamespace container, string bridge, PluginResult result)
    {
        foreach ((string type, string keys) in Enumerable.Reverse(Chain))
            plugins(type).Delete(container, Conf.WithResult(Config(type, keys), result)).Check();
        plugins("bridge").Delete(container, Conf.WithResult(bridge, result)).Check();
    }
}
