using System.Text.Json;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins;

/// <summary>loopback: up, down, checked.</summary>
public class LoopbackTests
{
    private const string Config = """{ "cniVersion": "1.0.0", "name": "lo-net", "type": "loopback" }""";

    [Theory]
    [InlineData("eth0")]
    [InlineData("lo")]
    public void Loopback_goes_up_and_down(string ifName)
    {
        Plugin.NeedsOurs("loopback");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        container.Run("ip", "link", "set", "lo", "down").Check();
        Plugin loopback = new(host, "loopback");

        loopback.Check(container, Config, ifName).Failed(999, "loopback interface is down");
        PluginResult added = loopback.Add(container, Config, ifName).Check();

        Assert.True(container.Link("lo").IsUp());
        JsonElement lo = Assert.Single(added.Json.GetProperty("interfaces").EnumerateArray());
        Assert.Equal(("lo", "00:00:00:00:00:00", container.Path), (lo.Text("name"), lo.Text("mac"), lo.Text("sandbox")));
        Assert.Equal(["127.0.0.1/8", "::1/128"], added.ResultAddresses());
        Assert.All(added.Json.GetProperty("ips").EnumerateArray(), ip => Assert.Equal(0, ip.GetProperty("interface").GetInt32()));
        container.Ping("127.0.0.1");
        container.Ping("::1");
        loopback.Check(container, Conf.WithResult(Config, added), ifName).Check();

        for (int time = 0; time < 2; time++)
        {
            loopback.Delete(container, Config, ifName).Check();
            Assert.False(container.Link("lo").IsUp());
        }

        Assert.True(host.Link("lo").IsUp());
        loopback.Invoke("DEL", Config, "c", "", ifName).Check();
        loopback.Invoke("DEL", Config, "c", "/run/netns/pb-no-such-namespace", ifName).Check();
    }

    [Theory]
    [InlineData("192.0.2.1/24")]
    [InlineData("2001:db8::1/64")]
    public void Other_address_on_the_loopback_interface_is_an_error(string address)
    {
        Plugin.NeedsOurs("loopback");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        container.Run("ip", "addr", "add", address, "dev", "lo").Check();

        new Plugin(host, "loopback").Add(container, Config).Failed(999, $"loopback interface found with non-loopback address \"{address}\"");
    }

    [Fact]
    public void Example_works()
    {
        Plugin.NeedsOurs("loopback");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        container.Run("ip", "link", "set", "lo", "down").Check();
        File.Copy(Repository.PathOf("examples/99-loopback.conf"), Path.Combine(host.ConfigDirectory, "99-loopback.conf"));

        Run("status").Check();
        CommandResult added = Run("add").Check();

        Assert.Equal(["127.0.0.1/8", "::1/128"], added.ResultAddresses());
        container.Ping("127.0.0.1");
        Run("check").Check();
        Run("del").Check();
        Assert.False(container.Link("lo").IsUp());

        CommandResult Run(string verb) => host.Run(
            [Path.Combine(Plugin.OursDirectory, "cnitool"), "--cache-dir", host.CacheDirectory, verb, "loopback", container.Path],
            null,
            new Dictionary<string, string?> { ["CNI_PATH"] = Plugin.OursDirectory, ["NETCONFPATH"] = host.ConfigDirectory });
    }

    [Fact]
    public void Result_of_the_plugins_before_is_passed_on()
    {
        Plugin.NeedsOurs("loopback");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        const string Before = """{"cniVersion":"1.0.0","interfaces":[{"name":"eth0"}],"ips":[{"address":"10.9.0.5/24","interface":0}]}""";

        PluginResult added = new Plugin(host, "loopback").Add(container, Config.Replace("}", $", \"prevResult\": {Before} }}", StringComparison.Ordinal)).Check();

        Assert.Equal(Before, JsonSerializer.Serialize(added.Json));
    }

    [Theory]
    [InlineData("0.3.1")]
    [InlineData("0.4.0")]
    [InlineData("1.0.0")]
    public void Result_equals_the_reference(string version)
    {
        Plugin.NeedsOurs("loopback");
        using TestHost host = TestHost.Create();
        TestNamespace container = host.AddContainer();
        string config = Config.Replace("1.0.0", version, StringComparison.Ordinal);

        PluginResult theirs = ReferencePlugins.Plugin(host, "loopback").Add(container, config).Check();
        PluginResult ours = new Plugin(host, "loopback").Add(container, config).Check();

        Assert.Equal(Conf.Comparable(theirs, container), Conf.Comparable(ours, container));
        if (version != "0.3.1")
        {
            new Plugin(host, "loopback").Check(container, Conf.WithResult(config, theirs)).Check();
            ReferencePlugins.Plugin(host, "loopback").Check(container, Conf.WithResult(config, ours)).Check();
        }
    }
}
