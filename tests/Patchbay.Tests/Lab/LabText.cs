using Patchbay.Lab.Plan;
using Patchbay.Lab.Schema;

namespace Patchbay.Tests.Lab;

/// <summary>Labs written in a test's source.</summary>
internal static class LabText
{
    internal static LabConfig Config(string yaml, params (string Name, string Value)[] variables) =>
        LabFiles.Read([new LabSource("lab.yaml", yaml, yaml.Contains("services:", StringComparison.Ordinal) || yaml.Contains("x-network:", StringComparison.Ordinal))], [], Lookup(variables)).Config;

    internal static Topology Topology(string yaml, params RunningContainer[] containers) =>
        TopologyBuilder.Build(Config(yaml), new TopologyOptions { Lab = "test" }, containers);

    /// <summary>What is said of a bad lab, one line each.</summary>
    internal static string[] Problems(string yaml, params (string Name, string Value)[] variables)
    {
        try
        {
            LabConfig config = Config(yaml, variables);
            TopologyBuilder.Build(config, new TopologyOptions { Lab = "test" }, Expected.Containers(config));
        }
        catch (LabFileException error)
        {
            return [.. error.Problems.Select(problem => problem.ToString())];
        }

        return [];
    }

    internal static Func<string, string?> Lookup(params (string Name, string Value)[] variables) =>
        name => variables.FirstOrDefault(each => each.Name == name).Value;
}
