using Patchbay.Plugins.Ipam.Static;

namespace Patchbay.Tests.Ipam;

public sealed class StaticPluginTests
{
    private const string Two = """ "addresses":[{"address":"10.0.0.5/24","gateway":"10.0.0.254"},{"address":"fd00::5/64"}] """;

    private static string Config(string ipam = Two, string more = "", string version = "1.0.0")
        => $$"""{"cniVersion":"{{version}}","name":"net","ipam":{"type":"static",{{ipam}}}{{more}}}""";

    private static IpamCall Run(string command, string config, string args = "") => IpamCall.Run(new StaticPlugin(), command, config, args: args);

    [Fact]
    public void Configured_addresses_routes_and_dns_are_the_result()
    {
        var call = Run("ADD", Config(Two + ""","routes":[{"dst":"0.0.0.0/0","gw":"10.0.0.1"}],"dns":{"nameservers":["192.0.2.1"],"domain":"d"} """));
        Assert.Equal(["10.0.0.5/24", "fd00::5/64"], call.Ips);
        Assert.Equal(["10.0.0.254", ""], call.Gateways);
        Assert.Equal("10.0.0.1", call.Json.GetProperty("routes")[0].GetProperty("gw").GetString());
        Assert.Equal("d", call.Json.GetProperty("dns").GetProperty("domain").GetString());
    }

    [Fact]
    public void Arguments_add_addresses_and_gateways()
    {
        var call = Run("ADD", Config(), "IP=10.0.1.7/24, fd01::7/64;GATEWAY=10.0.1.1,fd00::1");
        Assert.Equal(["10.0.0.5/24", "fd00::5/64", "10.0.1.7/24", "fd01::7/64"], call.Ips);
        Assert.Equal(["10.0.0.254", "fd00::1", "10.0.1.1", ""], call.Gateways);
    }

    [Fact]
    public void Conventional_arguments_replace_and_capabilities_replace_again()
    {
        const string Args = ""","args":{"cni":{"ips":["10.9.0.1/16"]}}""";
        var call = Run("ADD", Config(more: Args), "IP=10.0.1.7/24");
        Assert.Equal(["10.9.0.1/16"], call.Ips);
        Assert.Equal([""], call.Gateways);
        Assert.Equal(["10.8.0.1/16"], Run("ADD", Config(more: Args + ""","runtimeConfig":{"ips":["10.8.0.1/16"]}""")).Ips);
        Assert.Equal(["10.0.0.5/24", "fd00::5/64"], Run("ADD", Config(more: ""","runtimeConfig":{"ips":[]}""")).Ips);
    }

    [Theory]
    [InlineData(""" "addresses":[{"address":"10.0.0.5"}] """, "", "", "7 the 'address' field is expected to be in CIDR notation, got: '10.0.0.5'")]
    [InlineData(""" "addresses":[] """, "", "IP=10.0.0.5", "7 the 'ip' field is expected to be in CIDR notation, got: '10.0.0.5'")]
    [InlineData(""" "addresses":[] """, "", "GATEWAY=x", "7 invalid gateway address: x")]
    [InlineData(""" "addresses":[] """, ""","runtimeConfig":{"ips":["x"]}""", "", "7 an entry in the 'ips' field is NOT in CIDR notation, got: 'x'")]
    [InlineData(""" "addresses":[] """, ""","args":{"cni":{"ips":["y"]}}""", "", "7 an entry in the 'ips' field is NOT in CIDR notation, got: 'y'")]
    public void Faults_are_named(string ipam, string more, string args, string error) => Assert.Equal(error, Run("ADD", Config(ipam, more), args).Error);

    [Fact]
    public void The_key_ipam_is_needed()
        => Assert.Equal("7 IPAM config missing 'ipam' key", Run("ADD", """{"cniVersion":"1.0.0","name":"net"}""").Error);

    [Fact]
    public void Old_versions_have_room_for_one_address_of_a_family()
        => Assert.Equal("7 CNI version 0.2.0 does not support more than 1 address per family",
            Run("ADD", Config(""" "addresses":[{"address":"10.0.0.5/24"},{"address":"10.0.1.5/24"}] """, version: "0.2.0")).Error);

    [Fact]
    public void No_address_is_not_an_error_here() => Assert.Equal(0, Run("ADD", Config(""" "addresses":[] """)).Status);

    [Theory]
    [InlineData("""{"address":"10.0.0.5/24","gateway":"10.0.0.254"},{"address":"fd00::5/64","gateway":"fd00::1"}""", "")]
    [InlineData("""{"address":"10.0.0.5/24","gateway":"10.0.0.1"},{"address":"fd00::5/64"}""", "999 static: Failed to match addr 10.0.0.5/24 on interface eth0")]
    [InlineData("""{"address":"10.0.0.5/16","gateway":"10.0.0.254"},{"address":"fd00::5/64"}""", "999 static: Failed to match addr 10.0.0.5/24 on interface eth0")]
    [InlineData("""{"address":"10.0.0.5/24","gateway":"10.0.0.254"}""", "999 static: Failed to match addr fd00::5/64 on interface eth0")]
    public void Check_wants_every_address_in_prevResult(string ips, string error)
        => Assert.Equal(error, Run("CHECK", Config(more: $$""","prevResult":{"cniVersion":"1.0.0","ips":[{{ips}}]}""")).Error);

    [Fact]
    public void Check_needs_prevResult() => Assert.Equal("7 static: Required prevResult missing", Run("CHECK", Config()).Error);

    [Fact]
    public void Delete_keeps_no_state_and_needs_no_configuration() => Assert.Equal(0, Run("DEL", """{"cniVersion":"1.0.0","name":"net"}""").Status);
}
