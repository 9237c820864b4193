using System.Text;
using System.Text.Json;
using Patchbay.Cni.Plugin;
using Patchbay.Cni.Runtime;

namespace Patchbay.Plugins.Tools;

/// <summary>Prints what is wrong with the configurations of a directory.</summary>
internal static class ConfigurationReport
{
    /// <summary>Examines and prints, one line a problem.</summary>
    /// <returns>The exit status: 1 when there are errors; warnings alone are no failure.</returns>
    internal static int Print(string directory, CniRuntime runtime, bool json, PluginEnvironment environment)
    {
        IReadOnlyList<ConfigurationProblem> problems = ConfigurationCheck.Examine(directory, runtime.PluginPath.Count > 0 ? runtime : null);
        if (json)
            environment.Output.Write(Json(problems));
        foreach (ConfigurationProblem problem in json ? [] : problems)
            environment.Output.Write(Encoding.UTF8.GetBytes($"{problem}\n"));
        if (runtime.PluginPath.Count == 0)
            PluginHost.Note(environment, "CNI_PATH is not set: the plugins were not looked at");
        return problems.Any(problem => problem.IsError) ? 1 : 0;
    }

    private static byte[] Json(IReadOnlyList<ConfigurationProblem> problems)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true, IndentSize = 4 }))
        {
            writer.WriteStartArray();
            foreach (ConfigurationProblem problem in problems)
            {
                writer.WriteStartObject();
                writer.WriteString("file"u8, problem.File);
                writer.WriteNumber("line"u8, problem.Line);
                writer.WriteString("field"u8, problem.Field);
                writer.WriteString("severity"u8, problem.IsError ? "error" : "warning");
                writer.WriteString("message"u8, problem.Message);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        return [.. stream.ToArray(), (byte)'\n'];
    }
}
