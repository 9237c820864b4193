using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>macvlan, ipvlan, vlan when something is in the way: a failed ADD leaves nothing, DEL needs nothing.</summary>
public class ChildLinkFailureTests
{
    public static TheoryData<string> Types => Lan.Types;

    [Theory]
    [MemberData(nameof(Types))]
    public void Failed_add_leaves_nothing(string type)
    {
        using Lan lan = new(type);
        TestNamespace container = lan.Container;
        container.Run("ip", "link", "add", "taken", "type", "bridge").Check();
        Snapshot before = Snapshot.Take(lan.Host);
        (string Config, string[] Texts)[] failing =
        [
            (lan.Config("""{ "master": "gone0" }"""), ["failed to lookup master \"gone0\"", "on the host"]),
            // After the link is made: by the IPAM, which is not there, has no address left, gives none; by a route.
            (lan.Config("""{ "ipam": { "type": "nobody" } }"""), ["nobody"]),
            (lan.Config(ranges: """[[{ "subnet": "10.22.0.0/24", "rangeStart": "10.22.0.1", "rangeEnd": "10.22.0.1" }]]"""), ["no IP addresses available"]),
            (lan.Config("""{ "ipam": { "type": "static" } }"""), ["IPAM plugin returned missing IP config"]),
            (lan.Config(routes: """[{ "dst": "192.0.2.0/24", "gw": "203.0.113.1" }]"""), ["192.0.2.0/24", "203.0.113.1"]),
        ];

        lan.Plugin.Add(container, lan.Config(), ifName: "taken").Failed(999, "\"taken\" already");
        foreach ((string config, string[] texts) in failing)
        {
            lan.Plugin.Add(container, config).Failed(999, texts);
            Assert.False(container.HasLink("eth0"));
            Assert.Empty(lan.Reservations());
        }

        before.AssertSame(Snapshot.Take(lan.Host));
        // A master that belongs to a bridge can carry VLANs, and nothing else.
        if (type == "vlan")
            return;
        lan.Host.Run("ip", "link", "add", "br0", "type", "bridge").Check();
        lan.Host.Run("ip", "link", "set", "up0", "master", "br0").Check();
        lan.Plugin.Add(container, lan.Config()).Failed(999, "up0", "port of a bridge");
        Assert.False(container.HasLink("eth0"));
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Second_add_is_refused_and_harms_the_first_in_nothing(string type)
    {
        using Lan lan = new(type);
        string config = lan.Config();
        PluginResult added = lan.Plugin.Add(lan.Container, config).Check();
        Snapshot before = Snapshot.Take(lan.Host);

        lan.Plugin.Add(lan.Container, config).Failed(999, "eth0", "already");

        before.AssertSame(Snapshot.Take(lan.Host));
        lan.Plugin.Check(lan.Container, Conf.WithResult(config, added)).Check();
    }

    [Theory]
    [InlineData("macvlan", "")]
    [InlineData("macvlan", "/run/netns/pb-no-such-namespace")]
    [InlineData("ipvlan", "")]
    [InlineData("ipvlan", "/run/netns/pb-no-such-namespace")]
    [InlineData("vlan", "")]
    [InlineData("vlan", "/run/netns/pb-no-such-namespace")]
    public void Delete_without_namespace_frees_the_addresses(string type, string netns)
    {
        using Lan lan = new(type);
        string config = lan.Config();
        lan.Plugin.Add(lan.Container, config).Check();
        Assert.Equal(["10.22.0.2", "fd22::2"], lan.Reservations());

        for (int time = 0; time < 2; time++)
            lan.Plugin.Invoke("DEL", config, lan.Container.Name, netns, "eth0").Check();

        Assert.Empty(lan.Reservations());
    }

    // The reference's ipvlan and vlan look for the master first, fail, and keep the addresses [bug].
    [Theory]
    [InlineData("macvlan", "up0")]
    [InlineData("macvlan", null)]
    [InlineData("ipvlan", "up0")]
    [InlineData("ipvlan", null)]
    [InlineData("vlan", "up0")]
    public void Delete_without_master_or_default_route_frees_the_addresses(string type, string? master)
    {
        using Lan lan = new(type);
        string config = lan.Config($$"""{ "master": {{(master is null ? "null" : $"\"{master}\"")}} }""", version: "0.4.0");
        lan.Host.Run("ip", "route", "add", "default", "dev", "up0").Check();
        lan.Plugin.Add(lan.Container, config).Check();
        lan.Host.Run("ip", "link", "del", "up0").Check();
        Assert.False(lan.Container.HasLink("eth0"));
        if ((type, master) is ("ipvlan", null) or ("vlan", _))
        {
            Assert.NotEqual(0, ReferencePlugins.Plugin(lan.Host, type).Delete(lan.Container, config).ExitCode);
            Assert.Equal(["10.22.0.2", "fd22::2"], lan.Reservations());
        }

        lan.Plugin.Delete(lan.Container, config).Check();

        Assert.Empty(lan.Reservations());
        lan.Plugin.Delete(lan.Container, lan.Config("""{ "mode": "nonsense", "vlanId": -1, "mtu": -1 }""")).Check();
    }

    // The reference keeps the link of ipvlan and vlan [bug].
    [Theory]
    [InlineData("ipvlan")]
    [InlineData("vlan")]
    public void Reference_keeps_the_link_of_a_failed_add(string type)
    {
        using Lan lan = new(type);
        string config = lan.Config(routes: """[{ "dst": "192.0.2.0/24", "gw": "203.0.113.1" }]""");

        Assert.NotEqual(0, ReferencePlugins.Plugin(lan.Host, type).Add(lan.Container, config).ExitCode);
        Assert.True(lan.Container.HasLink("eth0"));

        lan.Plugin.Delete(lan.Container, config).Check();
        lan.Plugin.Add(lan.Container, config).Failed(999, "203.0.113.1");
        Assert.False(lan.Container.HasLink("eth0"));
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Delete_reports_what_the_ipam_says_and_has_deleted_the_link(string type)
    {
        using Lan lan = new(type);
        lan.Plugin.Add(lan.Container, lan.Config()).Check();

        lan.Plugin.Delete(lan.Container, lan.Config("""{ "ipam": { "type": "nobody" } }""")).Failed(999, "nobody");

        Assert.False(lan.Container.HasLink("eth0"));
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Wrong_keys_are_named(string type)
    {
        using Lan lan = new(type, refusing: true);
        Snapshot before = Snapshot.Take(lan.Host);
        (string Keys, int Code, string Text)[] wrong =
        [
            ("""{ "master": 7 }""", 999, "\"master\" must be a string, not 7"),
            ("""{ "master": ["up0"] }""", 999, "\"master\" must be a string"),
            ("""{ "master": "up 0" }""", 7, "invalid name \"up 0\" for the master"),
            ("""{ "master": "up0\u0000" }""", 7, "for the master"),
            ($$"""{ "master": "{{new string('x', 128)}}" }""", 7, "at most 127 bytes"),
            ("""{ "mtu": "1400" }""", 999, "\"mtu\" must be a whole number"),
            ("""{ "mtu": 1400.5 }""", 999, "\"mtu\" must be a whole number"),
            ("""{ "mtu": 4294967296 }""", 999, "\"mtu\""),
            ("""{ "mtu": -1 }""", 7, "invalid MTU -1"),
            ("""{ "linkInContainer": "yes" }""", 999, "\"linkInContainer\" must be true or false"),
            ("""{ "enabledad": 1 }""", 999, "\"enabledad\" must be true or false"),
            ("""{ "ipam": "host-local" }""", 999, "\"ipam\" must be an object"),
            ("""{ "prevResult": "eth0" }""", 999, "\"prevResult\" must be an object"),
        ];
        foreach ((string keys, int code, string text) in wrong)
        {
            // macvlan alone never looks at a result before it.
            if (type == "ipvlan" || !keys.Contains("prevResult", StringComparison.Ordinal))
                lan.Plugin.Add(lan.Container, lan.Config(keys)).Failed(code, text);
            if (!keys.Contains("ipam", StringComparison.Ordinal))
                lan.Plugin.Check(lan.Container, lan.Config(keys)).Failed(code, text);
        }

        before.AssertSame(Snapshot.Take(lan.Host));
    }
}
