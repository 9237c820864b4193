using System.Globalization;
using System.Text;

namespace Patchbay.Lab.Graph;

/// <summary>A lab in Mermaid's language (https://mermaid.js.org/syntax/flowchart.html), which many pages of source code draw.</summary>
internal static class MermaidText
{
    public static string Write(LabGraph graph)
    {
        var ids = graph.Vertices.Select((vertex, i) => (vertex.Id, Name: string.Create(CultureInfo.InvariantCulture, $"n{i}"))).ToDictionary(each => each.Id, each => each.Name, StringComparer.Ordinal);
        var text = new StringBuilder();
        text.Append("---\ntitle: ").Append(Escape(graph.Lab)).Append("\n---\ngraph LR\n");
        foreach (var vertex in graph.Vertices)
        {
            var (open, close) = vertex.Kind switch { VertexKind.Bridge => ("([\"", "\"])"), VertexKind.Remote => ("{{\"", "\"}}"), VertexKind.Container => ("[[\"", "\"]]"), _ => ("[\"", "\"]") };
            text.Append("  ").Append(ids[vertex.Id]).Append(open).Append(string.Join("<br/>", new[] { vertex.Id }.Concat(vertex.Lines).Select(Escape))).Append(close).Append('\n');
        }

        foreach (var edge in graph.Edges)
        {
            var label = string.Join("<br/>", new[] { edge.FromLabel, edge.ToLabel, edge.Note }.Where(part => part.Length > 0).Select(Escape));
            text.Append("  ").Append(ids[edge.From]).Append(edge.State is "down" or "missing" ? " -. \"" : " -- \"").Append(label).Append(edge.State is "down" or "missing" ? "\" .- " : "\" --- ").Append(ids[edge.To]).Append('\n');
        }

        return text.ToString();
    }

    private static string Escape(string text) => text.Replace("&", "#amp;", StringComparison.Ordinal).Replace("\"", "#quot;", StringComparison.Ordinal).Replace("<", "#lt;", StringComparison.Ordinal);
}
