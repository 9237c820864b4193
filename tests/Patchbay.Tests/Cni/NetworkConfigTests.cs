using System.Text;
using Patchbay.Cni.Model;

namespace Patchbay.Tests.Cni;

public class NetworkConfigTests
{
    internal static NetworkConfig Parse(string json) => NetworkConfig.Parse(Encoding.UTF8.GetBytes(json));

    [Fact]
    public void Well_known_keys_are_read()
    {
        NetworkConfig config = Parse("""
            {"CNIVersion":"1.0.0","name":"net","type":"bridge","ipMasq":true,"ipam":{"type":"host-local"},"dns":{"nameservers":["1.1.1.1"]},
             "RuntimeConfig":{"mac":"aa"},"args":{"cni":{"ips":["10.0.0.1"]}},"prevResult":{"cniVersion":"1.0.0","ips":[{"address":"10.0.0.2/8"}]}}
            """);
        Assert.Equal(("1.0.0", "net", "bridge", true, "host-local"), (config.VersionText, config.Name, config.Type, config.IpMasq, config.IpamType));
        Assert.Equal("aa", config.RuntimeConfig!.Value.String("mac"));
        Assert.Equal(["10.0.0.1"], config.Args!.Value.Strings("ips"));
        Assert.Equal(["1.1.1.1"], config.Dns.Nameservers);
        Assert.Equal("10.0.0.2/8", config.PrevResult!.Ips[0].Address.ToString());
        Assert.Null(config.ValidAttachments);
    }

    [Fact]
    public void Little_is_needed()
    {
        NetworkConfig config = Parse("""{"name":"n"}""");
        Assert.Equal(("0.1.0", "", ""), (config.VersionText, config.Type, config.IpamType));
        Assert.Null(config.PrevResult);
        Assert.Null(config.RuntimeConfig);
        Assert.True(config.Dns.IsEmpty);
    }

    [Theory]
    [InlineData("", 6u, "error unmarshall network config: unexpected end of JSON input: the configuration is empty")]
    [InlineData("{", 6u, "error unmarshall network config: ")]
    [InlineData("[]", 6u, "error unmarshall network config: the configuration must be an object, not []")]
    [InlineData("""{"name":5}""", 6u, "error unmarshall network config: failed to load netconf: \"name\" must be a string, not 5")]
    [InlineData("""{"name":"n","cniVersion":1}""", 6u, "error unmarshall network config: failed to load netconf: \"cniVersion\" must be a string, not 1")]
    [InlineData("""{"name":"n","cniVersion":"v1"}""", 6u, "invalid CNI version \"v1\"")]
    [InlineData("null", 7u, "missing network name")]
    [InlineData("""{"name":""}""", 7u, "missing network name")]
    [InlineData("""{"name":"../n"}""", 7u, "invalid characters found in network name")]
    public void Faults_have_codes(string json, uint code, string message)
    {
        CniException error = Assert.Throws<CniException>(() => Parse(json));
        Assert.Equal(code, error.Code);
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"name":"n","cniVersion":"1.0.0","prevResult":[]}""", "\"prevResult\" must be an object, not []")]
    [InlineData("""{"name":"n","cniVersion":"1.0.0","prevResult":{"cniVersion":"0.4.0"}}""", "its version \"0.4.0\" is not the configuration's \"1.0.0\"")]
    [InlineData("""{"name":"n","cniVersion":"9.0.0","prevResult":{}}""", "unsupported CNI result version \"9.0.0\"")]
    public void A_bad_prevResult_is_told_when_it_is_asked_for(string json, string part)
    {
        NetworkConfig config = Parse(json);
        Assert.Contains(part, Assert.Throws<CniException>(() => config.PrevResult).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"cni.dev/valid-attachments\":[{\"containerID\":\"a\",\"ifname\":\"b\"}]", "a b")]
    [InlineData("\"cni.dev/attachments\":[{\"containerID\":\"a\",\"ifname\":\"b\"}]", "a b")]
    [InlineData("\"cni.dev/attachments\":[{\"containerID\":\"x\",\"ifname\":\"y\"}],\"cni.dev/valid-attachments\":[{\"containerID\":\"a\",\"ifname\":\"b\"}]", "a b")]
    [InlineData("\"cni.dev/attachments\":[]", "")]
    [InlineData("\"cni.dev/attachments\":null", "")]
    [InlineData("\"cni.dev/valid-attachments\":null,\"cni.dev/attachments\":null", "")]
    [InlineData("\"cni.dev/valid-attachments\":null,\"cni.dev/attachments\":[{\"containerID\":\"a\",\"ifname\":\"b\"}]", "a b")]
    [InlineData("\"other\":1", null)]
    public void Attachments_have_two_keys_and_missing_is_not_empty(string keys, string? expected)
    {
        IReadOnlyList<CniAttachment>? attachments = Parse($$"""{"name":"n",{{keys}}}""").ValidAttachments;
        Assert.Equal(expected, attachments is null ? null : string.Join(',', attachments.Select(a => $"{a.ContainerId} {a.IfName}")));
    }

    [Theory]
    [InlineData("{\"containerID\":\"a\"}", "valid-attachments[1]\" has no ifname")]
    [InlineData("{\"containerID\":\"\",\"ifname\":\"b\"}", "valid-attachments[1]\" has no containerID")]
    [InlineData("null", "valid-attachments[1]\"")]
    public void An_attachment_that_is_half_named_is_refused(string item, string part)
    {
        NetworkConfig config = Parse($$"""{"name":"n","cni.dev/valid-attachments":[{"containerID":"a","ifname":"b"},{{item}}]}""");
        Assert.Contains(part, Assert.Throws<CniException>(() => config.ValidAttachments).Message, StringComparison.Ordinal);
    }
}
