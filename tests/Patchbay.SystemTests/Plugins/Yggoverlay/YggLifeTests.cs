using System.Text.Json.Nodes;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Plugins.Yggoverlay;

/// <summary>What happens to an attachment between ADD and DEL, on one host with a real node.</summary>
public sealed class YggLifeTests : IDisposable
{
    private readonly YggHost _ygg = new();

    public void Dispose() => _ygg.Dispose();

    private TestHost Host => _ygg.Host;

    private static string Args(string name) => $"NERDCTL_CNI_DHCP_HOSTNAME={name}";

    [Fact]
    public void A_second_Add_changes_nothing_and_the_address_is_neither_detected_nor_preferred()
    {
        _ygg.Start();
        TestNamespace container = Host.AddContainer();
        PluginResult added = _ygg.Add(container, "web");
        Snapshot once = Snapshot.Take(Host);

        PluginResult again = _ygg.Ygg.Add(container, _ygg.Config(added), args: Args("web")).Check();

        once.AssertSame(Snapshot.Take(Host));
        Assert.Equal(added.ResultAddresses(), again.ResultAddresses());
        string shown = container.Run("ip", "-6", "addr", "show", "dev", "eth0", "to", _ygg.AddressOf("web")).Check().StandardOutput;
        Assert.Contains("deprecated", shown, StringComparison.Ordinal);
        Assert.Contains("nodad", shown, StringComparison.Ordinal);
        Assert.Contains("src fd22::2", container.Run("ip", "-6", "route", "show", "default").Check().StandardOutput, StringComparison.Ordinal);
    }

    [Fact]
    public void Equal_names_are_refused_until_the_holder_is_gone()
    {
        _ygg.Start();
        TestNamespace first = Host.AddContainer(), second = Host.AddContainer(), third = Host.AddContainer();
        PluginResult held = _ygg.Add(first, "web");

        _ygg.TryAdd(second, "web").Failed(999, "\"web\"", first.Name);
        Assert.DoesNotContain(second.Addresses("eth0"), address => address.StartsWith('3'));
        Assert.Empty(second.Routes("199"));
        PluginResult skipped = _ygg.Add(third, "web", """{ "onDuplicate": "skip" }""");
        Assert.DoesNotContain(skipped.ResultAddresses(), address => address.StartsWith('3'));
        // Theirs is not to be freed by others' DELs.
        _ygg.Delete(second);
        _ygg.Ygg.Check(first, _ygg.Config(held)).Check();

        // No namespace, no arguments, no daemon: as nerdctl stop does it, and it is not stopped yet. YggNerdctlTests has its end.
        _ygg.Stop();
        for (int time = 0; time < 2; time++)
            _ygg.Ygg.Invoke("DEL", _ygg.Config(), first.Name, "", "eth0").Check();
        first.Ping(_ygg.Gateway);
        _ygg.Start();
        TestNamespace fourth = Host.AddContainer();
        PluginResult taken = _ygg.Add(fourth, "web");
        _ygg.Ygg.Delete(first, _ygg.Config(held)).Check();
        Assert.DoesNotContain(first.Addresses("eth0"), address => address.StartsWith('3'));
        _ygg.Ygg.Check(fourth, _ygg.Config(taken)).Check();
    }

    [Fact]
    public void A_changed_key_moves_the_gateway_and_Check_says_so()
    {
        _ygg.Start();
        TestNamespace old = Host.AddContainer(), fresh = Host.AddContainer();
        PluginResult added = _ygg.Add(old, "old");
        string before = _ygg.Gateway;
        _ygg.Stop(crash: true);
        _ygg.Ygg.Check(old, _ygg.Config(added)).Failed(11, "start yggdrasil");
        // What is for the mesh stays here, rather than leaving for the Internet.
        Assert.NotEqual(0, Host.Run("ip", "route", "get", "201::1").ExitCode);
        File.Delete(_ygg.AdminSocket);
        _ygg.NewKey();
        _ygg.Start();

        _ygg.Ygg.Check(old, _ygg.Config(added)).Failed(999, "another key");
        _ygg.Add(fresh, "fresh");

        Assert.Contains($"{_ygg.Gateway}/64", Host.Addresses("cni0"));
        Assert.DoesNotContain($"{before}/64", Host.Addresses("cni0"));
        fresh.Ping(_ygg.Gateway);
        // A container that is attached anew loses the old address.
        PluginResult again = _ygg.Ygg.Add(old, _ygg.Config(added), args: Args("old")).Check();
        Assert.Equal(_ygg.AddressOf("old"), Assert.Single(old.Addresses("eth0"), address => address.StartsWith('3')).Split('/')[0]);
        old.Ping(_ygg.Gateway);
        _ygg.Ygg.Check(old, _ygg.Config(again)).Check();
    }

    [Theory]
    [InlineData("container", "rule del to 200::/7 lookup 199 priority 100", "rule")]
    [InlineData("container", "route del 200::/7 table 199", "route")]
    [InlineData("container", "route flush table 199", "route")]
    [InlineData("container", "route del @subnet@ table 199", "@subnet@")]
    [InlineData("container", "route replace default via fd22::1 dev eth0", "may take the mesh's")]
    [InlineData("container", "addr del @address@/64 dev eth0", "address")]
    [InlineData("container", "route replace 200::/7 via @gateway@ dev eth0 table 199", "no source")]
    [InlineData("host", "addr del @gateway@/64 dev cni0", "gateway's address")]
    [InlineData("host", "route del unreachable 200::/7 metric 4294967295", "guard")]
    [InlineData("host", "forwarding", "does not forward")]
    public void Check_names_what_has_changed(string where, string change, string named)
    {
        _ygg.Start();
        TestNamespace container = Host.AddContainer();
        PluginResult added = _ygg.Add(container, "web");
        _ygg.Ygg.Check(container, _ygg.Config(added)).Check();
        if (change == "forwarding")
            Host.SetSysctl("ipv6/conf/all/forwarding", "0");
        else
            (where == "host" ? Host : container).Run(["ip", "-6", .. With(change).Split(' ')]).Check();

        _ygg.Ygg.Check(container, _ygg.Config(added)).Failed(999, With(named));

        string With(string text) => text.Replace("@address@", _ygg.AddressOf("web"), StringComparison.Ordinal).Replace("@gateway@", _ygg.Gateway, StringComparison.Ordinal)
            .Replace("@subnet@", $"{_ygg.Prefix}/64", StringComparison.Ordinal);
    }

    [Fact]
    public void Two_bridges_share_the_subnet_when_routed_and_are_refused_otherwise()
    {
        const string Routed = """{ "mode": "routed" }""";
        _ygg.Start();
        TestNamespace one = Host.AddContainer(), two = Host.AddContainer(), three = Host.AddContainer();
        Snapshot before = Snapshot.Take(Host, "cni0", "cni1");
        _ygg.Add(one, "one", Routed);
        _ygg.Add(two, "two", Routed);
        string config = JsonNode.Parse(_ygg.BridgeConfig("cni1").Replace("10.22.0.", "10.23.0.", StringComparison.Ordinal).Replace("fd22:", "fd23:", StringComparison.Ordinal).Replace("\"net\"", "\"other\"", StringComparison.Ordinal))!.ToJsonString();
        PluginResult bridged = new Plugin(Host, "bridge").Add(three, config).Check();

        _ygg.Ygg.Add(three, _ygg.Config(bridged, """{ "name": "other", "mode": "bridge" }"""), args: Args("three")).Failed(999, "routed", "cni0");
        _ygg.Ygg.Add(three, _ygg.Config(bridged, """{ "name": "other", "mode": "routed" }"""), args: Args("three")).Check();

        one.Ping(_ygg.AddressOf("three"));
        three.Ping(_ygg.AddressOf("two"));
        one.Ping(_ygg.AddressOf("two"));
        Host.Ping(_ygg.AddressOf("three"));
        _ygg.Delete(one);
        _ygg.Delete(two);
        _ygg.Ygg.Delete(three, _ygg.Config(keys: """{ "name": "other" }""")).Check();
        new Plugin(Host, "bridge").Delete(three, config).Check();
        before.AssertSame(Snapshot.Take(Host, "cni0", "cni1"));
        Assert.Empty(_ygg.Reserved);
    }

    [Fact]
    public void Garbage_collection_frees_what_is_not_listed()
    {
        _ygg.Start();
        TestNamespace kept = Host.AddContainer(), gone = Host.AddContainer();
        _ygg.Add(kept, "kept", version: "1.1.0");
        _ygg.Add(gone, "gone", """{ "ingress": "deny" }""", version: "1.1.0");
        _ygg.Ygg.Invoke("GC", _ygg.Config(version: "1.1.0")).Check();
        Assert.Equal(6, _ygg.Reserved.Length);

        _ygg.Ygg.Invoke("GC", _ygg.Config(keys: $$"""{ "cni.dev/valid-attachments": [{ "containerID": "{{kept.Name}}", "ifname": "eth0" }] }""", version: "1.1.0")).Check();

        Assert.Equal(4, _ygg.Reserved.Length);
        Assert.DoesNotContain("patchbay_yggoverlay", Host.Run("nft", "list", "ruleset").Check().StandardOutput, StringComparison.Ordinal);
        _ygg.Ygg.Invoke("GC", _ygg.Config(keys: """{ "cni.dev/valid-attachments": [] }""", version: "1.1.0")).Check();
        Assert.Empty(_ygg.Reserved);
    }

    [Theory]
    [InlineData("established", true)]
    [InlineData("deny", false)]
    public void Ingress_keeps_the_mesh_out(string ingress, bool replies)
    {
        using YggHost other = new();
        _ygg.Peer(other);
        _ygg.Start();
        other.Start();
        TestNamespace guarded = Host.AddContainer(), open = Host.AddContainer();
        PluginResult added = _ygg.Add(guarded, "guarded", $$"""{ "ingress": "{{ingress}}" }""");
        _ygg.Add(open, "open");
        Wait.Until("the mesh", () => other.Host.Run("ping", "-c", "1", "-W", "2", _ygg.AddressOf("open")).ExitCode == 0);
        string remote = other.Host.IpJson("-6 addr show dev ygg0")[0].GetProperty("addr_info")[0].Text("local");

        Assert.NotEqual(0, other.Host.Run("ping", "-c", "1", "-W", "1", _ygg.AddressOf("guarded")).ExitCode);
        Assert.Equal(replies, guarded.Run("ping", "-c", "1", "-W", "2", remote).ExitCode == 0);
        open.Ping(_ygg.AddressOf("guarded"));
        _ygg.Ygg.Check(guarded, _ygg.Config(added)).Check();
        Host.Run("nft", "flush", "table", "inet", "patchbay_yggoverlay").Check();
        _ygg.Ygg.Check(guarded, _ygg.Config(added)).Failed(999, "patchbay_yggoverlay");
        _ygg.Delete(guarded);
        Assert.DoesNotContain("patchbay_yggoverlay", Host.Run("nft", "list", "ruleset").Check().StandardOutput, StringComparison.Ordinal);
    }

    [Fact]
    public void Many_at_once_leave_nothing()
    {
        _ygg.Start();
        TestNamespace[] containers = [.. Enumerable.Range(0, 8).Select(_ => Host.AddContainer())];
        Snapshot before = Snapshot.Take(Host, "cni0");
        for (int cycle = 0; cycle < 4; cycle++)
        {
            Parallel.ForEach(containers, container => _ygg.Add(container, container.Name));
            containers[cycle].Ping(_ygg.AddressOf(containers[7 - cycle].Name));
            Parallel.ForEach(containers, container => _ygg.Delete(container));
        }

        before.AssertSame(Snapshot.Take(Host, "cni0"));
        Assert.Empty(_ygg.Reserved);
    }
}
