using System.Globalization;
using System.Text;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Cni.Runtime;

namespace Patchbay.Plugins.Tools;

/// <summary>The networks of a directory, with their plugins and how many containers are attached.</summary>
internal static class NetworkTable
{
    private readonly record struct Row(NetworkList List, string File, int Attachments);

    /// <summary>Prints the table; a file that cannot be understood is told on standard error and does not hide the others.</summary>
    /// <returns>The exit status: 1 when a file could not be understood.</returns>
    internal static int Print(string directory, ResultCache cache, bool json, PluginEnvironment environment)
    {
        List<Row> rows = [];
        int status = 0;
        foreach (string file in NetworkDirectory.ConfigurationFiles(directory))
        {
            try
            {
                NetworkList list = NetworkDirectory.LoadFile(file);
                if (!rows.Any(row => row.List.Name == list.Name)) // the first file is the one that is used
                    rows.Add(new(list, file, cache.List(list.Name).Count));
            }
            catch (CniException error)
            {
                PluginHost.Note(environment, error.Text);
                status = 1;
            }
        }

        environment.Output.Write(json ? Json(rows) : Encoding.UTF8.GetBytes(Text(rows)));
        return status;
    }

    private static string Text(List<Row> rows)
    {
        List<string[]> cells = [["NETWORK", "VERSION", "PLUGINS", "ATTACHMENTS", "FILE"]];
        foreach (Row row in rows)
            cells.Add([row.List.Name, row.List.VersionText, string.Join(',', row.List.Plugins.Select(plugin => plugin.Type)), row.Attachments.ToString(CultureInfo.InvariantCulture), row.File]);
        int[] widths = [.. Enumerable.Range(0, cells[0].Length).Select(column => cells.Max(line => line[column].Length))];
        StringBuilder text = new();
        foreach (string[] line in cells)
            text.AppendJoin("  ", line.Select((cell, column) => column == line.Length - 1 ? cell : cell.PadRight(widths[column]))).Append('\n');
        return text.ToString();
    }

    private static byte[] Json(List<Row> rows)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true, IndentSize = 4 }))
        {
            writer.WriteStartArray();
            foreach (Row row in rows)
            {
                writer.WriteStartObject();
                writer.WriteString("name"u8, row.List.Name);
                writer.WriteString("cniVersion"u8, row.List.VersionText);
                writer.WriteStartArray("plugins"u8);
                foreach (NetworkPlugin plugin in row.List.Plugins)
                    writer.WriteStringValue(plugin.Type);
                writer.WriteEndArray();
                writer.WriteStartArray("capabilities"u8);
                foreach (string capability in row.List.Plugins.SelectMany(plugin => plugin.Capabilities).Distinct())
                    writer.WriteStringValue(capability);
                writer.WriteEndArray();
                writer.WriteNumber("attachments"u8, row.Attachments);
                writer.WriteString("file"u8, row.File);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        return [.. stream.ToArray(), (byte)'\n'];
    }
}
