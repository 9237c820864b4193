using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>CNI_NETNS names something that is no container's network namespace.</summary>
public class BadNamespaceTests
{
    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            foreach (string type in (string[])["bridge", "ptp", "loopback"])
            {
                foreach (string kind in (string[])["file", "directory", "missing", "device", "mount namespace", "user namespace", "own namespace"])
                    cases.Add(type, kind);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Add_is_refused_and_leaves_nothing(string type, string kind)
    {
        Plugin.NeedsOurs(type, "host-local");
        using TestHost host = TestHost.Create();
        string netns = PathOf(host, kind);
        string config = Conf.Make(host, type);
        Snapshot before = Snapshot.Take(host, except: "cni0");

        new Plugin(host, type).Invoke("ADD", config, "ctr", netns, "eth0").Failed(8, kind == "own namespace" ? "should not be the same" : "failed to open netns", netns);

        before.AssertSame(Snapshot.Take(host, except: "cni0"));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Delete_treats_it_as_gone_unless_it_is_the_plugins_own(string type, string kind)
    {
        Plugin.NeedsOurs(type, "host-local");
        using TestHost host = TestHost.Create();
        string netns = PathOf(host, kind);
        string config = Conf.Make(host, type);
        Snapshot before = Snapshot.Take(host);

        PluginResult result = new Plugin(host, type).Invoke("DEL", config, "ctr", netns, "eth0");

        if (kind == "own namespace")
            result.Failed(8, "should not be the same", netns);
        else
            result.Check();
        before.AssertSame(Snapshot.Take(host));
    }

    [Theory]
    [InlineData("1")]
    [InlineData("TRUE")]
    public void Own_namespace_is_allowed_when_the_override_says_so(string value)
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        Plugin bridge = new(host, "bridge");
        var environment = new Dictionary<string, string?> { ["CNI_NETNS_OVERRIDE"] = value };

        bridge.Invoke("ADD", Conf.Bridge(host, "{}"), "ctr", host.Path, "eth0", environment: environment).Check();
        Assert.True(host.HasLink("eth0"));
        bridge.Invoke("DEL", Conf.Bridge(host, "{}"), "ctr", host.Path, "eth0", environment: environment).Check();
        Assert.False(host.HasLink("eth0"));
    }

    private static string PathOf(TestHost host, string kind)
    {
        string file = Path.Combine(host.Directory, "file");
        File.WriteAllText(file, "");
        return kind switch
        {
            "file" => file,
            "directory" => host.Directory,
            "missing" => $"/run/netns/{host.Name}-missing",
            "device" => "/dev/null",
            "mount namespace" => "/proc/self/ns/mnt",
            "user namespace" => "/proc/self/ns/user",
            _ => host.Path,
        };
    }
}
