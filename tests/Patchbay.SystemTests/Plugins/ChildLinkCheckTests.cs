using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>CHECK, GC and STATUS of macvlan, ipvlan and vlan.</summary>
public class ChildLinkCheckTests
{
    private const string Key = "cni.dev/valid-attachments";

    public static TheoryData<string> Types => Lan.Types;

    [Theory]
    [MemberData(nameof(Types))]
    public void Check_finds_what_has_changed(string type)
    {
        using Lan lan = new(type);
        string config = lan.Config("""{ "mtu": 1400 }""", routes: Lan.Default);
        string kind = type == "vlan" ? "vlan id 5" : type;
        (string Change, string Text)[] damages =
        [
            ("addr del 10.22.0.2/24 dev eth0", "10.22.0.2/24"),
            ("-6 route del default", "::/0"),
            ("link set eth0 mtu 1399", "1399"),
            ("link set eth0 down", "\"eth0\" is down"),
            ("link del eth0", "\"eth0\" not found"),
        ];
        foreach ((string change, string text) in damages)
        {
            PluginResult added = lan.Plugin.Add(lan.Container, config).Check();
            lan.Container.Run(["ip", .. change.Replace("10.22.0.2/24", added.ResultAddresses()[0], StringComparison.Ordinal).Split(' ')]).Check();
            // CHECK writes nothing: once is enough to look.
            Snapshot? before = change.StartsWith("addr", StringComparison.Ordinal) ? Snapshot.Take(lan.Host) : null;

            lan.Plugin.Check(lan.Container, Conf.WithResult(config, added)).Failed(999, text.Replace("10.22.0.2/24", added.ResultAddresses()[0], StringComparison.Ordinal));

            before?.AssertSame(Snapshot.Take(lan.Host));
            lan.Plugin.Delete(lan.Container, config).Check();
        }

        // An interface of another kind, and one of the same kind on another master.
        PluginResult first = lan.Plugin.Add(lan.Container, config).Check();
        lan.Container.Run("ip", "link", "del", "eth0").Check();
        lan.Container.Run("ip", "link", "add", "eth0", "type", "bridge").Check();
        lan.Plugin.Check(lan.Container, Without(Conf.WithResult(config, first), "mac")).Failed(999, $"is not of type {type}", "bridge");
        lan.Container.Run("ip", "link", "del", "eth0").Check();
        lan.Host.Run("ip", "link", "add", "other", "up", "type", "veth").Check();
        lan.Host.Run(["ip", "link", "add", "link", "other", "name", "eth0", "mtu", "1400", "netns", lan.Container.Name, "type", .. kind.Split(' ')]).Check();
        lan.Container.Run("ip", "link", "set", "eth0", "up").Check();
        lan.Plugin.Check(lan.Container, Without(Conf.WithResult(config, first), "mac")).Failed(999, "is not on master \"up0\"");
        lan.Plugin.Check(lan.Container, Without(Conf.WithResult(config.Replace("\"up0\"", "\"gone0\"", StringComparison.Ordinal), first), "mac")).Failed(999, "failed to lookup master \"gone0\"");
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Check_needs_a_result_that_is_true(string type)
    {
        using Lan lan = new(type);
        string config = lan.Config();
        PluginResult added = lan.Plugin.Add(lan.Container, config).Check();
        string with = Conf.WithResult(config, added);

        lan.Plugin.Check(lan.Container, config).Failed(999, $"{type}: Required prevResult missing");
        lan.Plugin.Check(lan.Container, with.Replace(lan.Container.Path, "/run/netns/elsewhere", StringComparison.Ordinal)).Failed(999, "Sandbox in prevResult /run/netns/elsewhere doesn't match");
        lan.Plugin.Check(lan.Container, with.Replace("\"eth0\"", "\"eth7\"", StringComparison.Ordinal)).Failed(999, "prevResult has no interface \"eth0\"");
        lan.Plugin.Check(lan.Container, with.Replace(lan.Container.Link("eth0").Text("address"), "02:00:00:00:00:09", StringComparison.Ordinal)).Failed(999, "02:00:00:00:00:09");
        lan.Plugin.Check(lan.Container, with.Replace("10.22.0.2/24", "10.22.0.9/24", StringComparison.Ordinal)).Failed(999, "10.22.0.9");
        lan.Plugin.Check(lan.Container, with.Replace("10.22.0.2/24", "10.22.0.2/25", StringComparison.Ordinal)).Failed(999, "10.22.0.2/25");
        lan.Plugin.Check(lan.Container, with).Check();
    }

    // The reference looks into the main table only [bug].
    [Theory]
    [MemberData(nameof(Types))]
    public void Check_sees_routes_of_other_tables(string type)
    {
        using Lan lan = new(type);
        string config = lan.Config(version: "1.1.0", routes: """[{ "dst": "198.51.100.0/24", "table": 100 }, { "dst": "fd99::/64", "table": 100, "mtu": 1300 }]""");

        PluginResult added = lan.Plugin.Add(lan.Container, config).Check();

        Assert.Equal(["198.51.100.0/24 via 10.22.0.1 dev eth0", "fd99::/64 via fd22::1 dev eth0"], lan.Container.Routes("100"));
        lan.Plugin.Check(lan.Container, Conf.WithResult(config, added)).Check();
        lan.Container.Run("ip", "route", "del", "198.51.100.0/24", "table", "100").Check();
        lan.Container.Run("ip", "route", "add", "198.51.100.0/24", "via", "10.22.0.1").Check();
        lan.Plugin.Check(lan.Container, Conf.WithResult(config, added)).Failed(999, "198.51.100.0/24", "table 100");
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Collection_frees_the_addresses_of_attachments_that_are_gone(string type)
    {
        using Lan lan = new(type);
        string config = lan.Config(version: "1.1.0");
        // The kernel lets no two ipvlan links of a master have one address.
        string other = lan.Config("""{ "name": "net2", "vlanId": 6 }""", version: "1.1.0", ranges: """[[{ "subnet": "10.23.0.0/24" }], [{ "subnet": "fd23::/64" }]]""");
        lan.Plugin.Add(lan.Container, config, containerId: "a").Check();
        lan.Plugin.Add(lan.Container, config.Replace("\"vlanId\":5", "\"vlanId\":7", StringComparison.Ordinal), ifName: "eth1", containerId: "b").Check();
        lan.Plugin.Add(lan.Container, other, ifName: "eth2", containerId: "b").Check();
        Assert.Equal(4, lan.Reservations().Length);
        Snapshot all = Snapshot.Take(lan.Host);

        lan.Plugin.Invoke("GC", config).Check();
        all.AssertSame(Snapshot.Take(lan.Host));
        lan.Plugin.Invoke("GC", Valid(config, new JsonArray(new JsonObject { ["containerID"] = "a", ["ifname"] = "eth0" }))).Check();
        Assert.Equal(["10.22.0.2", "fd22::2"], lan.Reservations());
        Assert.Equal(2, lan.Reservations("net2").Length);
        lan.Plugin.Invoke("GC", Valid(config, [])).Check();
        Assert.Empty(lan.Reservations());
        Assert.Equal(2, lan.Reservations("net2").Length);

        static string Valid(string config, JsonArray list)
        {
            JsonObject o = JsonNode.Parse(config)!.AsObject();
            o[Key] = list;
            return o.ToJsonString();
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Status_names_what_is_missing(string type)
    {
        using Lan lan = new(type);
        Snapshot before = Snapshot.Take(lan.Host);
        string Status(string keys, int code, params string[] texts) =>
            lan.Plugin.Invoke("STATUS", lan.Config(keys, version: "1.1.0")).Failed(code, texts).ErrorText;

        Assert.Empty(lan.Plugin.Invoke("STATUS", lan.Config(version: "1.1.0")).Check().StandardOutput);
        Status("""{ "master": "gone0" }""", 50, "failed to lookup master \"gone0\"");
        Status("""{ "mtu": 9000 }""", 50, "invalid MTU 9000", "1500", "up0");
        Status("""{ "ipam": { "type": "nobody" } }""", 50, "nobody");
        string last = lan.Config(version: "1.1.0", ranges: """[[{ "subnet": "10.22.0.0/24", "rangeStart": "10.22.0.9", "rangeEnd": "10.22.0.9" }]]""");
        lan.Plugin.Add(lan.Container, last).Check();
        lan.Plugin.Invoke("STATUS", last).Failed(50, "no IP addresses available", "10.22.0.9");
        lan.Plugin.Delete(lan.Container, last).Check();
        // A container's interfaces are not known here.
        lan.Plugin.Invoke("STATUS", lan.Config("""{ "master": "gone0", "linkInContainer": true }""", version: "1.1.0")).Check();
        if (type != "vlan")
        {
            Status("""{ "master": null }""", 50, "no default route interface found");
            lan.Host.Run("ip", "route", "add", "default", "dev", "up0").Check();
            lan.Plugin.Invoke("STATUS", lan.Config("""{ "master": null }""", version: "1.1.0")).Check();
            lan.Host.Run("ip", "route", "del", "default").Check();
        }

        before.AssertSame(Snapshot.Take(lan.Host));
    }

    // On every kernel one of the two is seen, by each type.
    [Theory]
    [MemberData(nameof(Types))]
    public void Status_tells_whether_the_kernel_has_the_kind(string type)
    {
        using Lan lan = new(type, refusing: true);
        bool has = lan.Host.Run(["ip", "link", "add", "link", "up0", "name", "probe", "type", .. (type == "vlan" ? "vlan id 9" : type).Split(' ')]).ExitCode == 0;
        PluginResult status = lan.Plugin.Invoke("STATUS", lan.Config(version: "1.1.0"));

        if (has)
            status.Check();
        else
            status.Failed(50, $"this kernel has no {type} interfaces");
    }

    private static string Without(string config, string interfaceKey)
    {
        JsonObject o = JsonNode.Parse(config)!.AsObject();
        foreach (JsonNode? each in o["prevResult"]!["interfaces"]!.AsArray())
            each!.AsObject().Remove(interfaceKey);
        return o.ToJsonString();
    }
}
