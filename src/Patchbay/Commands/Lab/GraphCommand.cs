using System.CommandLine;
using Patchbay.Lab.Graph;
using Patchbay.Lab.Life;
using Patchbay.Lab.Plan;

namespace Patchbay.Commands.Lab;

/// <summary><c>patchbay lab graph</c>: a picture of a lab.</summary>
internal static class GraphCommand
{
    public static Command Create()
    {
        LabArguments arguments = new();
        Option<string> format = new("--format", "-f") { Description = "dot, mermaid or html.", DefaultValueFactory = _ => "dot" };
        format.AcceptOnlyFromAmong("dot", "mermaid", "html");
        Option<string?> output = new("--output", "-o") { Description = "The file; standard output unless told." };
        Option<bool> live = new("--live") { Description = "With the state in which the interfaces are now." };
        Command command = new("graph", "Draws a lab: as text for Graphviz or Mermaid, or as one HTML page that needs no network.");
        arguments.AddTo(command);
        command.Add(format);
        command.Add(output);
        command.Add(live);
        LabCommand.SetWork(command, async (parsed, cancellation) =>
        {
            var chosen = arguments.Choose(parsed);
            LabGraph graph;
            if (parsed.GetValue(live))
            {
                using var session = await NodeArguments.OpenAsync(chosen, cancellation).ConfigureAwait(false);
                graph = LabGraph.Of(session.Topology, session.Seen);
            }
            else
            {
                graph = LabGraph.Of(TopologyBuilder.Build(chosen.Config, new TopologyOptions { Lab = chosen.Name }, Expected.Containers(chosen.Config)), seen: null);
            }

            var text = parsed.GetValue(format) switch { "html" => HtmlPage.Write(graph), "mermaid" => MermaidText.Write(graph), _ => DotText.Write(graph) };
            if (parsed.GetValue(output) is { } file)
                await File.WriteAllTextAsync(file, text, cancellation).ConfigureAwait(false);
            else
                await Console.Out.WriteAsync(text).ConfigureAwait(false);
            return 0;
        });
        return command;
    }
}
