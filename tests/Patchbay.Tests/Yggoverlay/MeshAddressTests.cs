using System.Net;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Meta.Yggoverlay;
using Patchbay.Plugins.Sockets;

namespace Patchbay.Tests.Yggoverlay;

/// <summary>The address of a name, as others derive it.</summary>
public class MeshAddressTests
{
    [Theory]
    [InlineData("test-alpine-1", "300:0:0:1::/64", "300::1:407e:eaea:5cbd:5a66")]
    [InlineData("web", "300:0:0:1::/64", "300::1:1cd6:8036:d9af:97e2")]
    [InlineData("db", "300:0:0:1::/64", "300::1:baf5:32be:a021:d011")]
    [InlineData("a", "300:0:0:1::/64", "300::1:b980:7785:afee:48bb")]
    [InlineData("localhost", "300:0:0:1::/64", "300::1:995c:f3ba:831d:9763")]
    [InlineData("Test-Alpine-1", "300:0:0:1::/64", "300::1:d04e:6266:d9ff:b6b7")]
    [InlineData("test-alpine-1", "304:c5:1c76:d282::/64", "304:c5:1c76:d282:407e:eaea:5cbd:5a66")]
    public void Known_names(string name, string subnet, string address) =>
        Assert.Equal(IPAddress.Parse(address), MeshAddress.Of(MeshAddress.ParseSubnet(subnet)!.Value, name));

    [Theory]
    [InlineData(0UL, true)]
    [InlineData(1UL, true)]
    [InlineData(2UL, false)]
    [InlineData(0x02005efffe000000UL, true)]
    [InlineData(0x02005efffeffffffUL, true)]
    [InlineData(0x02005effff000000UL, false)]
    [InlineData(0xfdffffffffffff80UL, true)]
    [InlineData(0xfdffffffffffffffUL, true)]
    [InlineData(0xfdffffffffffff7fUL, false)]
    public void Reserved_identifiers(ulong identifier, bool reserved) => Assert.Equal(reserved, MeshAddress.IsReserved(identifier));

    [Theory]
    [InlineData("200:0:0:1::/64")]
    [InlineData("300:0:0:1::/48")]
    [InlineData("fd00::/64")]
    [InlineData("10.0.0.0/8")]
    [InlineData("x")]
    [InlineData(null)]
    public void Not_a_nodes_subnet(string? text) => Assert.Null(MeshAddress.ParseSubnet(text));

    [Theory]
    [InlineData("", "empty")]
    [InlineData("a\nb", "control")]
    [InlineData("a\0", "control")]
    public void Not_a_name(string name, string problem) => Assert.Contains(problem, MeshAddress.ProblemOf(name), StringComparison.Ordinal);

    [Fact]
    public void Names_have_up_to_253_bytes()
    {
        Assert.Null(MeshAddress.ProblemOf(new string('a', 253)));
        Assert.Contains("254 bytes", MeshAddress.ProblemOf(new string('ä', 127)), StringComparison.Ordinal);
    }
}

/// <summary>Answers of all generations of nodes; the third one is of a real 0.4.7.</summary>
public class NodeInfoTests
{
    [Theory]
    [InlineData("""{"request":{"keepalive":false,"request":"getSelf"},"response":{"self":{"204:c5::1":{"box_pub_key":"aa","build_name":"yggdrasil","build_version":"0.3.16","coords":"[1 2]","subnet":"304:c5:1c76:d282::/64"}}},"status":"success"}""", "204:c5::1")]
    [InlineData("""{"status":"success","request":{"request":"getSelf","keepalive":false},"response":{"self":{"204:c5::1":{"build_name":"y","build_version":"0.4.2","key":"aa","coords":[1],"subnet":"304:c5:1c76:d282::/64"}}}}""", "204:c5::1")]
    [InlineData("""{"status":"success","request":null,"response":{"build_name":"unknown","build_version":"unknown","key":"0ff9","address":"204:c5:1c76:d282:ab6e:50a7:1b8e:82ab","coords":[],"subnet":"304:c5:1c76:d282::/64"}}""", "204:c5:1c76:d282:ab6e:50a7:1b8e:82ab")]
    [InlineData("""{"status":"success","request":{"request":"getSelf","arguments":{}},"response":{"build_name":"y","build_version":"0.5.14","key":"aa","address":"204:c5::1","routing_entries":1,"subnet":"304:c5:1c76:d282::/64"}}""", "204:c5::1")]
    public void Every_generation(string answer, string address)
    {
        var node = NodeInfo.Parse(System.Text.Encoding.UTF8.GetBytes(answer), "here");
        Assert.Equal((IPAddress.Parse(address), IPNetwork.Parse("304:c5:1c76:d282::/64")), (node.Address, node.Subnet));
    }

    [Theory]
    [InlineData("""{"status":"error","error":"Unknown action 'getself'","request":null,"response":null}""", "Unknown action")]
    [InlineData("""{"status":"error","request":{},"response":{"error":"inside"}}""", "inside")]
    [InlineData("""{"status":"success","response":{"subnet":"200::/64"}}""", "not a /64 of 300::/8")]
    [InlineData("""{"status":"success","response":{"subnet":"300::/48"}}""", "not a /64 of 300::/8")]
    [InlineData("""{"status":"success","response":{"self":{}}}""", "0 nodes")]
    [InlineData("""{"status":"success","response":{"self":{"a":1}}}""", "1 nodes")]
    [InlineData("""{"status":"success","response":[]}""", "no \"response\"")]
    [InlineData("""{"status":"success","response":{"subnet":7}}""", "no \"subnet\"")]
    [InlineData("[1]", "must be an object")]
    [InlineData("""{"status":"succ""", "here")]
    [InlineData("hello", "here")]
    public void What_is_no_answer(string answer, string problem) =>
        Assert.Contains(problem, Assert.Throws<CniException>(() => NodeInfo.Parse(System.Text.Encoding.UTF8.GetBytes(answer), "here")).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("unix:///run/y.sock", 1, 2 + 12 - 1 + 1)]
    [InlineData("/run/y.sock", 1, 2 + 11 + 1)]
    [InlineData("unix://@name", 1, 2 + 5)]
    [InlineData("tcp://localhost:9001", 2, 16)]
    [InlineData("tcp://[::1]:9001", 10, 28)]
    public void Endpoints(string text, int family, int length)
    {
        var endpoint = StreamEndpoint.TryParse(text)!;
        Assert.Equal((family, length), (endpoint.Family, endpoint.Address.Length));
    }

    [Theory]
    [InlineData("none")]
    [InlineData("unix://relative")]
    [InlineData("tcp://example.org:9001")]
    [InlineData("tcp://127.0.0.1")]
    [InlineData("tcp://127.0.0.1:0")]
    [InlineData("/")]
    public void No_endpoints(string text) => Assert.Null(StreamEndpoint.TryParse(text));

    [Fact]
    public void Arguments_come_in_any_form()
    {
        var values = ContainerName.Parse("IgnoreUnknown=1;;A=;B=x=y;C;=z");
        Assert.Equal(("", "x=y", "1", 3), (values["A"], values["B"], values["IgnoreUnknown"], values.Count));
    }
}
