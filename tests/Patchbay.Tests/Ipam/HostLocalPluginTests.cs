using Patchbay.Plugins.Ipam.HostLocal;

namespace Patchbay.Tests.Ipam;

public sealed class HostLocalPluginTests : IDisposable
{
    private const string OneRange = """ "subnet":"10.0.0.0/24" """;

    private readonly TemporaryNetwork _net = new("10.0.0.0/24");

    public void Dispose() => _net.Dispose();

    private string Config(string ipam, string more = "", string version = "1.1.0")
        => $$"""{"cniVersion":"{{version}}","name":"net","ipam":{"type":"host-local","dataDir":"{{_net.DataDirectory}}",{{ipam}}}{{more}}}""";

    private static IpamCall Run(string command, string config, string id = "c1", string args = "")
        => IpamCall.Run(new HostLocalPlugin(), command, config, id, args);

    [Fact]
    public void Result_has_addresses_gateways_routes_and_dns()
    {
        var resolv = Path.Combine(_net.DataDirectory, "resolv.conf");
        File.WriteAllText(resolv, "nameserver 192.0.2.53\nsearch a b\n");
        var result = Run("ADD", Config($$"""
            "ranges":[[{"subnet":"10.0.0.0/24","gateway":"10.0.0.254"}],[{"subnet":"fd00::/64","rangeStart":"fd00::50"}]],
            "routes":[{"dst":"0.0.0.0/0"},{"dst":"192.0.2.0/24","gw":"10.0.0.3","mtu":1400}],"resolvConf":"{{resolv}}"
            """));
        Assert.Equal(["10.0.0.1/24", "fd00::50/64"], result.Ips);
        Assert.Equal(["10.0.0.254", "fd00::1"], result.Gateways);
        Assert.Equal("""[{"dst":"0.0.0.0/0"},{"dst":"192.0.2.0/24","gw":"10.0.0.3","mtu":1400}]""", Compact(result, "routes"));
        Assert.Equal("""{"nameservers":["192.0.2.53"],"search":["a","b"]}""", Compact(result, "dns"));
        Assert.False(result.Json.TryGetProperty("interfaces", out _));
    }

    [Theory]
    [InlineData(""" "type":"x" """, "7 no IP ranges specified")]
    [InlineData(""" "subnet":"10.0.0.0/31" """, "7 invalid range set 0: Network 10.0.0.0/31 too small to allocate from")]
    [InlineData(""" "ranges":[[]] """, "7 invalid range set 0: empty range set")]
    [InlineData(""" "ranges":[[{"subnet":"10.0.0.0/24"}],[{"subnet":"10.0.0.0/24"}]] """, "7 range set 0 overlaps with 1")]
    [InlineData(""" "ranges":[[{"subnet":"10.0.0.0/24"}],[{"subnet":"10.0.1.0/24"},{"subnet":"fd00::/64"}]] """, "7 invalid range set 1: mixed address families")]
    [InlineData(""" "ranges":[[{"rangeStart":"10.0.0.1"}]] """, "7 invalid range set 0: a range has no 'subnet'")]
    [InlineData(""" "subnet":5 """, "999 failed to load netconf: \"ipam.subnet\" must be a string, not 5")]
    public void Faults_of_the_configuration_are_named(string ipam, string error)
    {
        Assert.Equal(error, Run("ADD", Config(ipam)).Error);
        Assert.False(Directory.Exists(_net.Folder));
        Assert.Equal("", Run("DEL", Config(ipam)).Error); // what needs no range works without
    }

    [Fact]
    public void Old_versions_have_room_for_one_address_of_a_family()
    {
        const string Two = """ "ranges":[[{"subnet":"10.0.0.0/24"}],[{"subnet":"10.0.1.0/24"}]] """;
        Assert.Equal("7 CNI version 0.2.0 does not support more than 1 address per family", Run("ADD", Config(Two, version: "0.2.0")).Error);
        Assert.Equal(0, Run("ADD", Config(Two, version: "0.3.0")).Status);
    }

    [Fact]
    public void Ranges_of_the_runtime_come_first_then_the_old_form()
    {
        var config = Config(""" "subnet":"10.0.1.0/24","ranges":[[{"subnet":"10.0.2.0/24"}]] """, ""","runtimeConfig":{"ipRanges":[[{"subnet":"10.0.0.0/24"}]]}""");
        Assert.Equal(["10.0.0.2/24", "10.0.1.2/24", "10.0.2.2/24"], Run("ADD", config).Ips);
    }

    [Fact]
    public void Requests_come_from_three_places_and_are_met_together()
    {
        var config = Config(
            """ "ranges":[[{"subnet":"10.0.0.0/24"}],[{"subnet":"10.0.1.0/24"}],[{"subnet":"fd00::/64"}]] """,
            ""","runtimeConfig":{"ips":["10.0.0.9/32"]},"args":{"cni":{"ips":["10.0.1.9"]}}""");
        Assert.Equal(["10.0.0.9/24", "10.0.1.9/24", "fd00::9/64"], Run("ADD", config, args: "IgnoreUnknown=1;K8S_POD_NAME=p;IP=fd00::9/128").Ips);
        Assert.Equal("999 ARGS: unknown args [\"MAC=x\"]", Run("ADD", config, "c2", "MAC=x").Error);
        Assert.Equal("7 requested ip 'x' is neither an IP address nor in CIDR notation", Run("ADD", config, "c2", "IP=x").Error);
        Assert.Equal("999 failed to allocate for range 0: requested IP address 10.0.0.9 is not available in range set 10.0.0.1-10.0.0.254: container c1 has it",
            Run("ADD", config, "c2").Error);
    }

    [Fact]
    public void Check_wants_every_address_of_ours_in_prevResult()
    {
        var config = Config(OneRange);
        Run("ADD", config);
        string With(string address) => Config(OneRange, $$$""","prevResult":{"cniVersion":"1.1.0","ips":[{"address":"{{{address}}}"}]}""");
        Assert.Equal("", Run("CHECK", With("10.0.0.2/24")).Error);
        Assert.Equal($"999 host-local: 10.0.0.7 is not reserved by container c1, interface eth0 ({_net.Folder}/10.0.0.7)", Run("CHECK", With("10.0.0.7/24")).Error);
        Assert.Contains("10.0.0.2 is not reserved by container c2", Run("CHECK", With("10.0.0.2/24"), "c2").Error, StringComparison.Ordinal);
        Assert.Equal("", Run("CHECK", With("192.0.2.7/24")).Error); // not ours: some reservation is enough
        Assert.Equal("", Run("CHECK", config).Error);
        Assert.Equal("999 host-local: Failed to find address added by container c2", Run("CHECK", config, "c2").Error);
    }

    [Fact]
    public void Check_and_status_write_nothing()
    {
        Assert.Equal("999 host-local: Failed to find address added by container c1", Run("CHECK", Config(OneRange)).Error);
        Assert.Equal("", Run("STATUS", Config(OneRange)).Error);
        Assert.Empty(Directory.GetFileSystemEntries(_net.DataDirectory));
    }

    [Fact]
    public void Delete_succeeds_without_anything_and_makes_nothing()
    {
        Assert.Equal("", Run("DEL", Config(OneRange)).Error);
        Assert.Empty(Directory.GetFileSystemEntries(_net.DataDirectory));
    }

    [Fact]
    public void Collection_keeps_what_is_valid_and_what_it_does_not_understand()
    {
        foreach (var id in new[] { "a", "b", "c" })
            Run("ADD", Config(OneRange), id);
        _net.ForeignAdd("b", "10.0.0.20", ifName: "");
        _net.ForeignAdd("c", "10.0.0.21", ifName: "");
        _net.ForeignAdd("", "10.0.0.22", ifName: "");
        _net.ForeignAdd("what is this?", "10.0.0.23", ifName: "");
        File.WriteAllText(Path.Combine(_net.Folder, "README"), "keep");
        File.WriteAllText(Path.Combine(_net.DataDirectory, ".gone.index"), "");
        File.WriteAllText(Path.Combine(_net.DataDirectory, ".gone.index.tmp"), "");

        var call = Run("GC", Config(OneRange, ""","cni.dev/valid-attachments":[{"containerID":"b","ifname":"eth0"}]"""));
        Assert.Equal("", call.Error);
        Assert.Equal(["10.0.0.20", "10.0.0.23", "10.0.0.3"], _net.Reserved());
        Assert.Contains("10.0.0.23 names no attachment", call.Notes, StringComparison.Ordinal);
        Assert.Contains("README is not a reservation", call.Notes, StringComparison.Ordinal);
        Assert.True(_net.Has("README") && _net.Has("lock") && _net.Has("last_reserved_ip.0"));
        Assert.Equal([_net.Folder], Directory.GetFileSystemEntries(_net.DataDirectory));
    }

    [Fact]
    public void Collection_tells_no_list_from_an_empty_one()
    {
        Run("ADD", Config(OneRange));
        Assert.Equal("", Run("GC", Config(OneRange)).Error);
        Assert.Equal(["10.0.0.2"], _net.Reserved());
        Assert.Equal("", Run("GC", Config(OneRange, ""","cni.dev/valid-attachments":[]""")).Error);
        Assert.Empty(_net.Reserved());
        Assert.Equal(["10.0.0.3/24"], Run("ADD", Config(OneRange)).Ips);
    }

    [Fact]
    public void Collection_of_a_large_directory_leaves_a_good_index()
    {
        _net.ForeignFill(600);
        var keep = string.Join(',', Enumerable.Range(0, 300).Select(i => $$"""{"containerID":"f{{i}}","ifname":"eth0"}"""));
        var config = Config(""" "subnet":"10.0.0.0/16" """, $$""","cni.dev/valid-attachments":[{{keep}}]""");
        Assert.Equal("", Run("GC", config).Error);
        Assert.Equal(300, _net.Reserved().Length);
        using var store = _net.Open(StoreAccess.Read);
        Assert.True(store.IsComplete);
        Assert.Equal(300, store.KnownCount);
        Assert.Equal("10.0.2.43", store.FindAll(new Owner("f299", "eth0"))[0].ToString());
    }

    [Fact]
    public void Status_names_the_range_set_that_is_used_up()
    {
        var config = Config(""" "ranges":[[{"subnet":"fd00::/64"}],[{"subnet":"10.0.0.0/30"}]] """);
        Assert.Equal("", Run("STATUS", config).Error);
        Run("ADD", config);
        Assert.Equal("50 host-local: network net: no IP addresses available in range set 1: 10.0.0.1-10.0.0.2", Run("STATUS", config).Error);
        Run("DEL", config);
        Assert.Equal("", Run("STATUS", config).Error);
    }

    [Fact]
    public void Status_names_what_is_in_the_way()
    {
        File.WriteAllText(_net.Folder, "");
        Assert.Equal($"50 host-local: cannot keep reservations in {_net.Folder}: {_net.Folder} is not a directory", Run("STATUS", Config(OneRange)).Error);
    }

    private static string Compact(IpamCall call, string key)
    {
        using var buffer = new MemoryStream();
        using (var writer = new System.Text.Json.Utf8JsonWriter(buffer))
            call.Json.GetProperty(key).WriteTo(writer);
        return System.Text.Encoding.UTF8.GetString(buffer.ToArray());
    }
}
