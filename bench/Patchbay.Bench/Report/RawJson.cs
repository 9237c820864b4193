using System.Text;
using System.Text.Json;

namespace Patchbay.Bench.Report;

/// <summary>Every single figure of a run.</summary>
internal static class RawJson
{
    private static readonly JsonWriterOptions Indented = new() { Indented = true, NewLine = "\n" };

    internal static string Render(Session session, Machine machine)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, Indented))
        {
            json.WriteStartObject();
            json.WriteString("date", machine.Date);
            json.WriteString("processor", machine.Processor);
            json.WriteNumber("cores", machine.Cores);
            json.WriteNumber("memoryGiB", machine.MemoryGibibytes);
            json.WriteString("kernel", machine.Kernel);
            json.WriteString("distribution", machine.Distribution);
            json.WriteString("loadBefore", machine.LoadBefore);
            json.WriteString("command", session.Options.CommandLine);
            json.WriteStartObject("versions");
            foreach (var (name, version) in session.Peers.Versions())
                json.WriteString(name, version);
            json.WriteEndObject();
            json.WriteStartArray("series");
            foreach (var series in session.Results.All)
                Write(json, series);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(bytes.ToArray()) + "\n";
    }

    private static void Write(Utf8JsonWriter json, Series series)
    {
        json.WriteStartObject();
        json.WriteString("row", series.Row.Id);
        json.WriteString("operation", series.Operation);
        json.WriteString("program", series.Program);
        json.WriteString("variant", series.Variant);
        json.WriteString("unit", series.Unit);
        if ((series.Absent ?? series.Note) is { } note)
            json.WriteString("note", note);
        json.WriteNumber("peakKiB", series.PeakKibibytes);
        Write(json, "values", series.Values);
        Write(json, "cpuMs", series.Cpu);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, List<double> figures)
    {
        json.WriteStartArray(name);
        foreach (var figure in figures)
            json.WriteNumberValue(Math.Round(figure, 3));
        json.WriteEndArray();
    }
}
