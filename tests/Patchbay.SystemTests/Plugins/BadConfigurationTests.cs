using System.Text;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>Configurations and variables that are none: refused with a text that names field and value, and nothing done.</summary>
public class BadConfigurationTests
{
    private const string All = "\"0.1.0\",\"0.2.0\",\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\"";

    public static TheoryData<string> Types { get; } =
    [
        "bridge", "ptp", "loopback", "macvlan", "ipvlan", "vlan", "dummy", "tap", "host-device", "host-local", "static", "dhcp",
        "portmap", "firewall", "bandwidth", "tuning", "sbr", "vrf", "flannel",
    ];

    public static TheoryData<string, int, string> Malformed { get; } = new()
    {
        { "", 6, "error unmarshall network config:" },
        { " \n", 6, "error unmarshall network config:" },
        { "null", 7, "missing network name" },
        { "7", 6, "error unmarshall network config:" },
        { "{", 6, "error unmarshall network config:" },
        { """{ "name": "net" } trailing""", 6, "error unmarshall network config:" },
        { """{ "name": "net", }""", 6, "error unmarshall network config:" },
        { """{ "name": 7 }""", 6, "name" },
        { """{ "cniVersion": "1.0.0", "name": "" }""", 7, "missing network name" },
        { """{ "cniVersion": "1.0.0", "name": "../../etc" }""", 7, "../../etc" },
        { """{ "cniVersion": "1.0.0", "name": "net\u0000x" }""", 7, "invalid characters found in network name" },
        { """{ "cniVersion": "2.0.0", "name": "net" }""", 1, "2.0.0" },
        { """{ "cniVersion": "one", "name": "net" }""", 6, "one" },
        { """{ "cniVersion": 1, "name": "net" }""", 6, "cniVersion" },
    };

    [Theory]
    [MemberData(nameof(Malformed))]
    public void Malformed_configuration_is_refused(string config, int code, string text) => AssertRefused(config, code, text);

    [Fact]
    public void Invalid_utf8_is_refused_or_replaced_and_never_kept()
    {
        Plugin.NeedsOurs("bridge");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        string file = Path.Combine(host.Directory, "conf");
        File.WriteAllBytes(file, [.. "{\"cniVersion\":\"1.0.0\",\"name\":\"n"u8, 0xff, 0xfe, .. "\"}"u8]);
        Snapshot before = Snapshot.Take(host);

        CommandResult result = host.Run(
            ["sh", "-c", $"exec {Plugin.OursDirectory}/bridge <{file}"], null, Variables(container));

        Assert.Equal(1, result.ExitCode);
        Assert.Contains(result.Json.GetProperty("code").GetInt32(), (int[])[6, 7]);
        before.AssertSame(Snapshot.Take(host));
    }

    [Fact]
    public void Huge_configuration_is_refused_and_not_kept_in_memory()
    {
        Plugin.NeedsOurs("bridge");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Snapshot before = Snapshot.Take(host);

        // 64 MiB of a string that never ends, under a limit of memory that a copy of it would exceed many times over.
        CommandResult result = host.Run(
            ["bash", "-c", $"{{ printf '{{\"name\": \"'; head -c 67108864 /dev/zero | tr '\\0' a; printf '\"}}'; }} | prlimit --data=300000000 {Plugin.OursDirectory}/bridge"],
            null, Variables(container));

        Assert.Equal(1, result.ExitCode);
        Assert.Equal(6, result.Json.GetProperty("code").GetInt32());
        Assert.Contains("67108876 bytes is larger than 32 MiB", result.Json.GetProperty("msg").GetString(), StringComparison.Ordinal);
        before.AssertSame(Snapshot.Take(host));
    }

    [Theory]
    [InlineData("[", "]")]
    [InlineData("""{"a":""", "}")]
    public void Deeply_nested_configuration_is_refused(string open, string close)
    {
        const int Depth = 200_000;
        var text = new StringBuilder("""{ "cniVersion": "1.0.0", "name": "net", "x": """);
        text.Insert(text.Length, open, Depth).Append('1').Insert(text.Length, close, Depth).Append('}');
        AssertRefused(text.ToString(), 6, "error unmarshall network config:");
    }

    [Fact]
    public void Key_is_found_in_any_case_and_the_last_one_counts()
    {
        Plugin.NeedsOurs("bridge");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();

        new Plugin(host, "bridge").Add(container, """{ "CNIVersion": "1.0.0", "Name": "net", "Bridge": "one", "BRIDGE": "two", "unknown": [{}] }""").Check();

        Assert.False(host.HasLink("one"));
        Assert.True(host.HasLink("two"));
    }

    [Theory]
    [InlineData("CNI_CONTAINERID", "../../etc/passwd", "../../etc/passwd")]
    [InlineData("CNI_CONTAINERID", "a/b", "a/b")]
    [InlineData("CNI_CONTAINERID", "..", "..")]
    [InlineData("CNI_CONTAINERID", "a\nb", "a\nb")]
    [InlineData("CNI_CONTAINERID", "", "CNI_CONTAINERID")]
    [InlineData("CNI_IFNAME", "interface-name-of-24-byt", "interface-name-of-24-byt")]
    [InlineData("CNI_IFNAME", "ééééééééé", "ééééééééé")]
    [InlineData("CNI_IFNAME", ".", "interface name is . or ..")]
    [InlineData("CNI_IFNAME", "..", "interface name is . or ..")]
    [InlineData("CNI_IFNAME", "a/b", "a/b")]
    [InlineData("CNI_IFNAME", "a\tb", "a\tb")]
    [InlineData("CNI_IFNAME", "", "CNI_IFNAME")]
    [InlineData("CNI_NETNS", "", "CNI_NETNS")]
    [InlineData("CNI_PATH", "", "CNI_PATH")]
    [InlineData("CNI_COMMAND", "add", "unknown CNI_COMMAND: add")]
    public void Variable_that_is_missing_or_illegal_is_refused(string name, string value, string text)
    {
        Plugin.NeedsOurs("bridge", "host-local");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        Snapshot before = Snapshot.Take(host);

        var with = new Dictionary<string, string?> { [name] = value };
        new Plugin(host, "bridge").Invoke("ADD", Conf.Bridge(host), "ctr", container.Path, "eth0", environment: with).Failed(4, text);

        before.AssertSame(Snapshot.Take(host));
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Version_and_about_need_nothing(string type)
    {
        Plugin.NeedsOurs(type);
        using TestHost host = TestHost.Create();

        string versions = type switch
        {
            "bandwidth" => All[All.IndexOf("\"0.3.0\"", StringComparison.Ordinal)..],
            "vrf" => All[All.IndexOf("\"0.3.1\"", StringComparison.Ordinal)..],
            "firewall" => All[All.IndexOf("\"0.4.0\"", StringComparison.Ordinal)..],
            _ => All,
        };

        PluginResult version = new Plugin(host, type).Invoke("VERSION", "", environment: new Dictionary<string, string?> { ["CNI_PATH"] = null });
        version.Check();
        Assert.Equal($$"""{"cniVersion":"1.1.0","supportedVersions":[{{versions}}]}""" + "\n", version.StandardOutput);

        CommandResult about = host.Run(Path.Combine(Plugin.OursDirectory, type)).Check();
        Assert.Equal("", about.StandardOutput);
        Assert.StartsWith(type == "flannel" ? "CNI Plugin flannel version v" : $"CNI {type} plugin ", about.StandardError, StringComparison.Ordinal);
        Assert.Contains($"CNI protocol versions supported: {versions.Replace("\"", "", StringComparison.Ordinal).Replace(",", ", ", StringComparison.Ordinal)}\n", about.StandardError, StringComparison.Ordinal);
    }

    private static Dictionary<string, string?> Variables(TestNamespace container) => new()
    {
        ["CNI_COMMAND"] = "ADD",
        ["CNI_CONTAINERID"] = "ctr",
        ["CNI_NETNS"] = container.Path,
        ["CNI_IFNAME"] = "eth0",
        ["CNI_PATH"] = Plugin.OursDirectory,
    };

    private static void AssertRefused(string config, int code, string text)
    {
        Plugin.NeedsOurs([.. Types.Select(row => row.Data)]);
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        container.Run("ip", "link", "set", "lo", "down").Check();
        Snapshot before = Snapshot.Take(host);

        foreach (string type in Types)
            new Plugin(host, type).Add(container, config).Failed(code, text);

        before.AssertSame(Snapshot.Take(host));
    }
}
