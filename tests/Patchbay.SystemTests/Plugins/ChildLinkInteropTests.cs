using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>What one of ours and the reference has added the other checks and deletes: macvlan, ipvlan, vlan.</summary>
public class ChildLinkInteropTests
{
    public static TheoryData<string, string> TypesAndVersions { get; } = new()
    {
        { "macvlan", "0.3.1" }, { "macvlan", "0.4.0" }, { "macvlan", "1.0.0" },
        { "ipvlan", "0.3.1" }, { "ipvlan", "0.4.0" }, { "ipvlan", "1.0.0" },
        { "vlan", "0.3.1" }, { "vlan", "0.4.0" }, { "vlan", "1.0.0" },
    };

    private static IEnumerable<string> Configs(Lan lan, string type, string version)
    {
        // The reference waits for the detection of duplicates where there is an IPv6 gateway; static names none.
        const string Ipam = """{ "type": "static", "addresses": [{ "address": "10.22.0.7/24", "gateway": "10.22.0.1" }, { "address": "fd22::7/64" }], "routes": [{ "dst": "0.0.0.0/0" }] }""";
        string[] keys = type switch
        {
            "macvlan" => ["""{ "mtu": 1400 }""", """{ "mode": "private", "mac": "02:00:00:00:00:07" }""", """{ "mode": "passthru" }"""],
            "ipvlan" => ["""{ "mtu": 1400 }""", """{ "mode": "l3" }""", """{ "mode": "l3s" }"""],
            _ => ["""{ "mtu": 1400 }""", """{ "vlanId": 0 }"""],
        };
        // Versions differ in the result; one of them for all keys will do.
        foreach (string each in version == "0.4.0" ? keys : keys[..1])
            yield return lan.Config($$"""{ "ipam": {{Ipam}}, "dns": { "nameservers": ["192.0.2.53"] }, {{each.Trim()[1..]}}""", version);
        yield return lan.Config(version: version, ranges: Conf.IPv4, routes: """[{ "dst": "0.0.0.0/0" }]""");
    }

    [Theory]
    [MemberData(nameof(TypesAndVersions))]
    public void Ours_check_and_delete_what_the_reference_added(string type, string version)
    {
        using Lan lan = new(type);
        AddCheckDelete(lan, type, version, ReferencePlugins.Plugin(lan.Host, type), lan.Plugin);
    }

    [Theory]
    [MemberData(nameof(TypesAndVersions))]
    public void Reference_checks_and_deletes_what_ours_added(string type, string version)
    {
        using Lan lan = new(type);
        AddCheckDelete(lan, type, version, lan.Plugin, ReferencePlugins.Plugin(lan.Host, type));
    }

    [Theory]
    [MemberData(nameof(TypesAndVersions))]
    public void Results_and_state_are_equal(string type, string version)
    {
        using Lan lan = new(type);
        foreach (string config in Configs(lan, type, version))
        {
            string[] states = new string[2];
            foreach ((int index, Plugin plugin) in ((Plugin[])[lan.Plugin, ReferencePlugins.Plugin(lan.Host, type)]).Index())
            {
                PluginResult added = plugin.Add(lan.Container, config).Check();
                string data = lan.Data().GetRawText();
                states[index] = string.Join('\n', [
                    Conf.Comparable(added, lan.Container), data, $"{lan.Container.Mtu("eth0")}", $"{lan.Container.Link("eth0").IsUp()}",
                    .. lan.Container.Addresses("eth0"), .. lan.Container.Routes(), .. lan.Reservations(),
                    lan.Container.Sysctl("ipv4/conf/eth0/arp_notify")]);
                plugin.Delete(lan.Container, config).Check();
                // So that host-local begins anew.
                Directory.Delete(Path.Combine(lan.Host.DataDirectory, "net"), recursive: true);
            }

            Assert.Equal(states[1], states[0]);
        }
    }

    private static void AddCheckDelete(Lan lan, string type, string version, Plugin adds, Plugin deletes)
    {
        Snapshot before = Snapshot.Take(lan.Host);
        foreach (string config in Configs(lan, type, version))
        {
            PluginResult added = adds.Add(lan.Container, config).Check();
            string with = Conf.WithResult(config, added);

            if (version != "0.3.1")
                deletes.Check(lan.Container, with).Check();
            deletes.Delete(lan.Container, version == "0.3.1" ? config : with).Check();
            Assert.False(lan.Container.HasLink("eth0"));
            Assert.Empty(lan.Reservations());
        }

        before.AssertSame(Snapshot.Take(lan.Host));
    }
}
