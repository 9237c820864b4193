using System.Text.Json;
using System.Text.Json.Nodes;
using Patchbay.SystemTests.Engines;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Yggoverlay;

/// <summary>
/// What an operator is to do and to get, in order: the list of the example into /etc/cni/net.d, a container by its host name; on a machine on which plugins,
/// node and files have their default places. docs/yggoverlay.md says which commands behind it are others than wished for, and why.
/// </summary>
public class YggWishTests
{
    private const string Name = "test-alpine-1";
    private const string OwnAddress = "3ffe:ffff:0:1ff::10"; // the range's first

    [Fact]
    public void The_list_as_it_stands_and_a_container_by_its_host_name()
    {
        Plugin.NeedsOurs("yggoverlay", "bridge", "host-local");
        using EngineHost machine = EngineHost.Create();
        machine.InstallPlugins();
        string subnet = StartNode(machine);

        // First, the network's configuration.
        machine.WriteFile("/etc/cni/net.d/30-man8br0.conflist", File.ReadAllText(Repository.PathOf("examples/90-yggoverlay.conflist")));
        string address = machine.Shell($"/opt/cni/bin/patchbay-cni ygg-address {Name} --subnet {subnet}/64").Check().StandardOutput.Trim();
        for (int time = 0; time < 2; time++)
        {
            // Then the container: what nerdctl run --network=man8br --hostname does about it.
            CommandResult added = Attach(machine, "add");
            Assert.Equal(["10.4.0.", OwnAddress, address], added.ResultAddresses().Select(each => each.StartsWith("10.4.0.", StringComparison.Ordinal) ? "10.4.0." : each.Split('/')[0]));

            AssertAsWished(machine, subnet, address, added);

            Attach(machine, "check");
            Attach(machine, "del");
            machine.Shell($"ip netns del {Name}").Check();
            machine.Run("rm", "-rf", "/var/lib/cni/networks").Check(); // so that the second time gives the same ordinary addresses too
        }

        Assert.Equal("", machine.Shell("find /run/cni /var/lib/cni -type f; nft list ruleset | grep 10.4.0 || :").Check().StandardOutput);
    }

    // The sentences of "What does it do", one by one.
    private static void AssertAsWished(EngineHost machine, string subnet, string address, CommandResult added)
    {
        // The bridge has the subnet's ::1.
        Assert.Contains($"{subnet}1/64", machine.Host.Addresses("man8br0"));
        // Table 199 is asked with priority.
        JsonElement rule = Inside("rule show priority 100")[0];
        Assert.Equal(("200::", "7", "199"), (rule.Text("dst"), rule.Text("dstlen"), rule.Text("table")));
        // It has the subnet by the link itself, and 200::/7 by the gateway with the container's mesh address as its source.
        Assert.Equal(
            [("200::/7", $"{subnet}1", address), ($"{subnet}/64", "", address)],
            Inside("route show table 199").EnumerateArray().Select(route => (route.Text("dst"), route.Text("gateway"), route.Text("prefsrc"))).Order());
        // The way to the Internet keeps the container's ordinary address.
        JsonElement way = Inside("route show 2000::/3")[0];
        Assert.Equal((added.Json.GetProperty("ips")[1].Text("gateway"), OwnAddress), (way.Text("gateway"), way.Text("prefsrc")));
        // And it works.
        foreach (string reached in (string[])[$"{subnet}1", machine.Shell("yggdrasil -useconffile /etc/yggdrasil/yggdrasil.conf -address").Check().StandardOutput.Trim()])
            machine.Run("ip", "netns", "exec", Name, "ping", "-c", "1", "-W", "10", reached).Check();
        machine.Run("ping", "-c", "1", "-W", "10", address).Check();

        JsonElement Inside(string arguments) => machine.Run(["ip", "-n", Name, "-j", "-6", .. arguments.Split(' ')]).Check().Json;
    }

    private static CommandResult Attach(EngineHost machine, string verb) => machine.Shell($"""
        [ -e /run/netns/{Name} ] || ip netns add {Name}
        export CNI_PATH=/opt/cni/bin CNI_ARGS='NERDCTL_CNI_DHCP_HOSTNAME={Name};IgnoreUnknown=1'
        unset NETCONFPATH
        /opt/cni/bin/cnitool {verb} man8br /run/netns/{Name}
        """).Check();

    // Debian's service does the same; the configuration names no admin socket, so the daemon takes its own default.
    private static string StartNode(EngineHost machine)
    {
        JsonObject config = JsonNode.Parse(Command.Run(["yggdrasil", "-genconf", "-json"]).Check().StandardOutput)!.AsObject();
        (config["MulticastInterfaces"], config["IfName"]) = (new JsonArray(), "ygg0");
        config.Remove("AdminListen");
        machine.WriteFile("/etc/yggdrasil/yggdrasil.conf", config.ToJsonString());
        Directory.CreateDirectory(machine.PathOf("/run/yggdrasil"));
        machine.Start("yggdrasil", "-useconffile", "/etc/yggdrasil/yggdrasil.conf", "-logto", "/run/yggdrasil.log");
        Wait.Until("the node's socket and interface", () => File.Exists(machine.PathOf("/run/yggdrasil/yggdrasil.sock")) && machine.Host.HasLink("ygg0"));
        string address = machine.Shell("yggdrasil -useconffile /etc/yggdrasil/yggdrasil.conf -address").Check().StandardOutput.Trim();
        Wait.Until("the node's address", () => machine.Host.Run("ip", "-6", "addr", "show", "dev", "ygg0").StandardOutput.Contains(address, StringComparison.Ordinal));
        return machine.Shell("yggdrasil -useconffile /etc/yggdrasil/yggdrasil.conf -subnet").Check().StandardOutput.Trim().Replace("/64", "", StringComparison.Ordinal);
    }
}
