using Patchbay.Lab.Graph;

namespace Patchbay.Tests.Lab;

public class GraphTests
{
    private static readonly LabGraph Graph = LabGraph.Of(
        LabText.Topology("""
            nodes: [a, b]
            bridges: [{bridge: lan}]
            links:
              - {node: a, bridge: lan, ip: 10.0.0.1/24, netem: rate 1mbit}
              - {node: a, dev: x, peer: {node: b, dev: y}}
            tunnels: [{type: vxlan, bridge: lan, vni: 7, remote: 192.0.2.1}]
            """),
        seen: null);

    [Fact]
    public void Dot_has_every_node_and_link()
    {
        string dot = DotText.Write(Graph);

        Assert.Contains("\"a\" -- \"lan\" [taillabel=\"eth0 10.0.0.1/24\", headlabel=\"a-eth0\", label=\"rate 1mbit\"];", dot, StringComparison.Ordinal);
        Assert.Contains("\"a\" -- \"b\" [taillabel=\"x\", headlabel=\"y\"];", dot, StringComparison.Ordinal);
        Assert.Contains("\"lan\" -- \"vxlan 7 192.0.2.1\"", dot, StringComparison.Ordinal);
    }

    [Fact]
    public void Mermaid_has_every_link() => Assert.Contains("n0 -- \"x<br/>y\" --- n1", MermaidText.Write(Graph), StringComparison.Ordinal);

    [Fact]
    public void Text_from_the_file_cannot_leave_its_place_in_the_page()
    {
        string page = HtmlPage.Write(Graph with { Lab = "</script><script>alert(1)</script>", Vertices = [new Vertex("</script>", VertexKind.Node, [])] });

        Assert.DoesNotContain("</script><script>", page, StringComparison.Ordinal);
        Assert.DoesNotContain("alert(1)</script>", page, StringComparison.Ordinal);
        Assert.DoesNotContain("http-equiv", page, StringComparison.Ordinal);
        Assert.DoesNotContain("src=", page, StringComparison.Ordinal);
    }
}
