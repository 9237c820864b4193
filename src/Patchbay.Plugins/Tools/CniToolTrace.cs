using System.Globalization;
using System.Text;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Cni.Runtime;

namespace Patchbay.Plugins.Tools;

/// <summary>Shows a run of a plugin as somebody would type it, with what it answered.</summary>
/// <param name="environment">Whose standard error to write to.</param>
internal sealed class CniToolTrace(PluginEnvironment environment)
{
    /// <summary>Shows one run.</summary>
    internal void Show(PluginCall call)
    {
        StringBuilder text = new();
        text.Append("--> ");
        foreach ((string name, string value) in call.Variables)
            if (value.Length > 0)
                text.Append(name).Append('=').Append(Quoted(value)).Append(' ');
        text.Append(call.Path).Append('\n');
        text.Append(Indented(call.Input)).Append('\n');
        string milliseconds = call.Elapsed.TotalMilliseconds.ToString("0.0", CultureInfo.InvariantCulture);
        text.Append("<-- ").Append(call.Type).Append(": ").Append(call.Result?.Exit ?? "killed, or not started").Append(" after ").Append(milliseconds).Append(" ms");
        if (call.Result is { Output.IsEmpty: false } result)
            text.Append('\n').Append(Indented(result.Output));
        PluginHost.Note(environment, text.ToString());
    }

    // As a shell wants it.
    private static string Quoted(string value) =>
        value.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '.' or '-' or '_' or ':' or '=' or ',') ? value : $"'{value.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    // What is not JSON is shown as it is.
    private static string Indented(ReadOnlyMemory<byte> json)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(json);
            using MemoryStream stream = new();
            using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true, IndentSize = 4 }))
                document.WriteTo(writer);
            return Encoding.UTF8.GetString(stream.ToArray());
        }
        catch (JsonException)
        {
            return Encoding.UTF8.GetString(json.Span).TrimEnd();
        }
    }
}
