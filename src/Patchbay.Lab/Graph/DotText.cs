using System.Text;

namespace Patchbay.Lab.Graph;

/// <summary>A lab in Graphviz' language (https://graphviz.org/doc/info/lang.html).</summary>
internal static class DotText
{
    public static string Write(LabGraph graph)
    {
        var text = new StringBuilder();
        text.Append("graph ").Append(Quote(graph.Lab)).Append(" {\n  layout=neato; overlap=false; splines=true;\n  node [fontname=\"sans-serif\"]; edge [fontname=\"sans-serif\", fontsize=9];\n");
        foreach (var vertex in graph.Vertices)
        {
            var shape = vertex.Kind switch { VertexKind.Bridge => "box, style=rounded", VertexKind.Remote => "plaintext", VertexKind.Container => "box3d", _ => "ellipse" };
            text.Append("  ").Append(Quote(vertex.Id)).Append(" [shape=").Append(shape).Append(", label=").Append(Quote(string.Join('\n', [vertex.Id, .. vertex.Lines]))).Append("];\n");
        }

        foreach (var edge in graph.Edges)
        {
            text.Append("  ").Append(Quote(edge.From)).Append(" -- ").Append(Quote(edge.To))
                .Append(" [taillabel=").Append(Quote(edge.FromLabel)).Append(", headlabel=").Append(Quote(edge.ToLabel));
            if (edge.Note.Length > 0)
                text.Append(", label=").Append(Quote(edge.Note));
            if (edge.State is "down" or "missing")
                text.Append(", style=dashed, color=red");
            text.Append("];\n");
        }

        return text.Append("}\n").ToString();
    }

    private static string Quote(string text) => $"\"{text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)}\"";
}
