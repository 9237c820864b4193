using System.Text;
using Patchbay.Policy.Model;

namespace Patchbay.Tests.Policy;

public class PolicyRequestTests
{
    private const string Good = """
        {"policies": [
            {"source": {"id": "a-1"}, "destination": {"id": "b_2", "protocol": "tcp", "port": 80, "ports": {"start": 80, "end": 90}}, "note": ["of", {"another": "version"}]},
            {"source": {"id": "c.3"}, "destination": {"id": "d:4", "protocol": "udp", "port": 53, "ports": {"start": 53, "end": 53}}}
        ], "total_policies": 2}
        """;

    [Fact]
    public void Each_version_reads_its_own_ports_and_leaves_the_rest_alone()
    {
        byte[] body = Encoding.UTF8.GetBytes(Good);

        Assert.Equal([new NetworkPolicy("a-1", "b_2", "tcp", 80, 80), new NetworkPolicy("c.3", "d:4", "udp", 53, 53)], PolicyRequest.Read(body, ApiVersion.V0));
        Assert.Equal([new NetworkPolicy("a-1", "b_2", "tcp", 80, 90), new NetworkPolicy("c.3", "d:4", "udp", 53, 53)], PolicyRequest.Read(body, ApiVersion.V1));
    }

    [Theory]
    [InlineData("a", true)]
    [InlineData("", false)]
    [InlineData("a b", false)]
    [InlineData("a,b", false)]
    [InlineData("a\"b", false)]
    [InlineData("ä", false)]
    [InlineData("a\n", false)]
    public void Ids_are_what_lists_and_rules_can_hold(string id, bool good) => Assert.Equal(good, PolicyRequest.IsId(id));

    [Fact]
    public void An_id_may_be_255_long()
    {
        Assert.True(PolicyRequest.IsId(new string('a', 255)));
        Assert.False(PolicyRequest.IsId(new string('a', 256)));
    }

    [Fact]
    public void Damaged_bodies_are_refused_or_read_and_nothing_else()
    {
        var random = new Random(42);
        string[] pieces = ["\"", "{", "}", "[", "]", ",", ":", "null", "-1", "1e99", "\\ud800", "\"id\":\"x\",", "\0", "\uFFFF", "9999999999999999999", "true"];
        int read = 0;
        for (int round = 0; round < 20_000; round++)
        {
            List<byte> body = [.. Encoding.UTF8.GetBytes(Good)];
            for (int damage = random.Next(1, 4); damage > 0; damage--)
            {
                int at = random.Next(body.Count);
                switch (random.Next(3))
                {
                    case 0:
                        body[at] = (byte)random.Next(256);
                        break;
                    case 1:
                        body.RemoveRange(at, Math.Min(random.Next(1, 12), body.Count - at));
                        break;
                    default:
                        body.InsertRange(at, Encoding.UTF8.GetBytes(pieces[random.Next(pieces.Length)]));
                        break;
                }
            }

            try
            {
                List<NetworkPolicy> policies = PolicyRequest.Read(body.ToArray(), (ApiVersion)random.Next(2));
                Assert.All(policies, each => Assert.True(PolicyRequest.IsId(each.Source) && each.StartPort is > 0 and <= 65535 && each.EndPort >= each.StartPort && each.EndPort <= 65535));
                read++;
            }
            catch (RequestException e)
            {
                Assert.Equal(400, e.Status);
            }
        }

        Assert.InRange(read, 100, 19_900);
    }
}
