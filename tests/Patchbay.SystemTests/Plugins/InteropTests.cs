using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>A node can change from the reference to ours and back under live containers: what one has added the other checks and deletes.</summary>
public class InteropTests
{
    public static TheoryData<string, string> TypesAndVersions { get; } = new()
    {
        { "bridge", "0.3.1" }, { "bridge", "0.4.0" }, { "bridge", "1.0.0" },
        { "ptp", "0.3.1" }, { "ptp", "0.4.0" }, { "ptp", "1.0.0" },
        { "host-local", "0.3.1" }, { "host-local", "0.4.0" }, { "host-local", "1.0.0" },
    };

    // Without masquerading, and with it where the reference of this age knows one way only.
    private static IEnumerable<string> Configs(TestHost host, string type, string version)
    {
        const string Routes = """[{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }]""";
        const string Bridge = """ "bridge": "cni0", "isGateway": true, "hairpinMode": true, """;
        yield return Conf.Make(host, type, $$"""{ {{(type == "bridge" ? Bridge : "")}} "mtu": 1400, "dns": { "nameservers": ["192.0.2.53"] } }""", version, routes: Routes);
        if (type != "host-local")
            yield return Conf.Make(host, type, $$"""{ {{(type == "bridge" ? Bridge : "")}} "name": "masq", "ipMasq": true }""", version, routes: Routes);
    }

    [Theory]
    [MemberData(nameof(TypesAndVersions))]
    public void Ours_check_and_delete_what_the_reference_added(string type, string version) =>
        AddCheckDelete(type, version, (host, name) => ReferencePlugins.Plugin(host, name), (host, name) => new Plugin(host, name));

    [Theory]
    [MemberData(nameof(TypesAndVersions))]
    public void Reference_checks_and_deletes_what_ours_added(string type, string version) =>
        AddCheckDelete(type, version, (host, name) => new Plugin(host, name), (host, name) => ReferencePlugins.Plugin(host, name));

    [Theory]
    [MemberData(nameof(TypesAndVersions))]
    public void Results_and_reservations_are_equal(string type, string version)
    {
        Plugin.NeedsOurs(type, "host-local");
        using TestHost here = TestHost.Create(), there = TestHost.Create();
        // The second configuration gives out the same addresses, and a host cannot route one to two containers.
        int configs = type == "ptp" ? 1 : int.MaxValue;
        foreach ((string ourConfig, string theirConfig) in Configs(here, type, version).Zip(Configs(there, type, version)).Take(configs))
        {
            TestNamespace ourContainer = here.AddContainer(), theirContainer = there.AddContainer();
            // The reference's ptp cannot give a container two interfaces on one network.
            int times = type == "ptp" ? 1 : 2;
            for (int time = 0; time < times; time++)
            {
                PluginResult ours = new Plugin(here, type).Add(ourContainer, ourConfig, $"eth{time}", "ctr").Check();
                PluginResult theirs = ReferencePlugins.Plugin(there, type).Add(theirContainer, theirConfig, $"eth{time}", "ctr").Check();

                Assert.Equal(Conf.Comparable(theirs, theirContainer), Conf.Comparable(ours, ourContainer));
                Assert.Equal(Reservations(there), Reservations(here));
                // A further interface has a chain of its own here.
                if (time == 0)
                    Assert.Equal(Masquerading(there), Masquerading(here));
                if (type != "host-local")
                    Assert.Equal(theirContainer.Routes(), ourContainer.Routes());
            }
        }
    }

    private static void AddCheckDelete(string type, string version, Func<TestHost, string, Plugin> adds, Func<TestHost, string, Plugin> deletes)
    {
        Plugin.NeedsOurs(type, "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        foreach (string config in Configs(host, type, version))
        {
            Snapshot before = Snapshot.Take(host, except: "cni0");
            PluginResult added = adds(host, type).Add(container, config).Check();
            string with = Conf.WithResult(config, added);

            if (version != "0.3.1")
                deletes(host, type).Check(container, with).Check();
            deletes(host, type).Delete(container, version == "0.3.1" ? config : with).Check();

            before.AssertSame(Snapshot.Take(host, except: "cni0"));
        }
    }

    private static string[] Masquerading(TestHost host) =>
    [
        .. ((string[])["iptables-save", "ip6tables-save"])
            .SelectMany(program => host.Run(program).Check().StandardOutput.Split('\n'))
            .Where(line => line.StartsWith('-') && !OwnerRules.IsOne(line)).Order(StringComparer.Ordinal),
    ];

    private static string[] Reservations(TestHost host) =>
    [
        .. Directory.GetFiles(host.DataDirectory, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .Select(file => $"{Path.GetRelativePath(host.DataDirectory, file)}: {Convert.ToHexString(File.ReadAllBytes(file))}"),
    ];
}
