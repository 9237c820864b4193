using System.Text;
using System.Text.Json;

namespace Patchbay.Lab.Graph;

/// <summary>A lab as one HTML page: the picture is drawn in the browser, and nothing is fetched from anywhere.</summary>
internal static class HtmlPage
{
    public static string Write(LabGraph graph)
    {
        using var template = typeof(HtmlPage).Assembly.GetManifestResourceStream("graph.html")!;
        using var reader = new StreamReader(template);
        // In a script no text may look like the end of the script: the encoder writes "<" as \u003C.
        return reader.ReadToEnd().Replace("/*DATA*/null", Data(graph), StringComparison.Ordinal).Replace("<!--TITLE-->", Escape(graph.Lab), StringComparison.Ordinal);
    }

    private static string Data(LabGraph graph)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("lab", graph.Lab);
            writer.WriteStartArray("vertices");
            foreach (var vertex in graph.Vertices)
            {
                writer.WriteStartObject();
                writer.WriteString("id", vertex.Id);
                writer.WriteString("kind", vertex.Kind.ToString().ToLowerInvariant());
                writer.WriteStartArray("lines");
                foreach (var line in vertex.Lines)
                    writer.WriteStringValue(line);
                writer.WriteEndArray();
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteStartArray("edges");
            foreach (var edge in graph.Edges)
            {
                writer.WriteStartObject();
                writer.WriteString("from", edge.From);
                writer.WriteString("to", edge.To);
                writer.WriteString("fromLabel", edge.FromLabel);
                writer.WriteString("toLabel", edge.ToLabel);
                writer.WriteString("note", edge.Note);
                writer.WriteString("state", edge.State);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static string Escape(string text) => System.Net.WebUtility.HtmlEncode(text);
}
