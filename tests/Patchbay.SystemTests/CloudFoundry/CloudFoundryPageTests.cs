using System.Text.Json;
using Patchbay.SystemTests.Engines;
using Patchbay.SystemTests.Harness;
using Patchbay.SystemTests.Policy;

namespace Patchbay.SystemTests.CloudFoundry;

/// <summary>docs/cloudfoundry.md, typed as it stands, from its first command to its last.</summary>
public class CloudFoundryPageTests
{
    [Fact]
    public void A_reader_gets_from_nothing_to_policies_and_containers()
    {
        Plugin.NeedsOurs("wrapper", "flannel", "bridge", "host-local");
        Assert.SkipUnless(File.Exists(PolicyHost.Executable), $"needs {PolicyHost.Executable}; run make build, or set PATCHBAY_BIN");
        DocumentedCommands page = DocumentedCommands.Of("docs/cloudfoundry.md");
        using TestHost host = TestHost.Create();
        string programs = Path.Combine(host.Directory, "out");
        Directory.CreateDirectory(programs);
        File.CreateSymbolicLink(Path.Combine(programs, "patchbay"), PolicyHost.Executable);
        File.CreateSymbolicLink(Path.Combine(programs, "cni"), Plugin.OursDirectory);
        File.CreateSymbolicLink(Path.Combine(host.Directory, "examples"), Repository.PathOf("examples"));

        string[] headings = [.. page.Blocks.Select(each => each.Heading).Distinct()];
        string script = string.Join('\n', headings.Select(each => $"echo '=== {each}'\n{page.Under(each)}"));
        CommandResult typed = host.Run(["unshare", "--mount", "--propagation", "private", "sh", "-c", "cd \"$0\" && exec bash -eu", host.Directory], script, limit: TimeSpan.FromMinutes(3)).Check();

        Dictionary<string, string> printed = typed.StandardOutput.Split("=== ", StringSplitOptions.RemoveEmptyEntries).ToDictionary(each => each[..each.IndexOf('\n', StringComparison.Ordinal)]);
        Assert.Contains("\"total_policies\":2", printed["A list of policies in five minutes"], StringComparison.Ordinal);
        string cell = printed["What a cell runs"];
        Assert.Contains("\"garden.network.container-ip\":\"10.255.30.2\"", cell, StringComparison.Ordinal);
        Assert.Contains("10.255.30.2/24", cell, StringComparison.Ordinal);
        Assert.Contains("\nmtu 1450\n", cell, StringComparison.Ordinal);
        Assert.Contains(" 1 received", cell, StringComparison.Ordinal);
        Assert.Contains("{\"web-1\":{\"handle\":\"web-1\",\"ip\":\"10.255.30.2\"", cell, StringComparison.Ordinal);
        Assert.EndsWith("\n{}", cell.TrimEnd(), StringComparison.Ordinal);

        string told = printed["What your plugin is told"];
        JsonElement configuration = JsonDocument.Parse(told[told.LastIndexOf("\n{", StringComparison.Ordinal)..]).RootElement;
        Assert.Equal(("high", "frontend"), (configuration.GetProperty("speed").GetString(), configuration.GetProperty("network").GetProperty("properties").GetProperty("app_id").GetString()));
        Assert.Contains(" 1 received", printed["Without a network between hosts"], StringComparison.Ordinal);

        // Both answers are what the page says of them: all policies, and those of frontend.
        JsonElement[] answers = [.. printed["Policies for your own enforcement"].Split('\n').Skip(1).SelectMany(each => each.Replace("}{", "}\n{", StringComparison.Ordinal).Split('\n'))
            .Where(each => each.Length > 0).Select(each => JsonDocument.Parse(each).RootElement)];
        string shown = string.Join('\n', page.Blocks.Single(each => each.Language == "json").Lines);
        Assert.True(JsonElement.DeepEquals(JsonDocument.Parse(shown).RootElement, answers[0]), answers[0].GetRawText());
        Assert.Equal("frontend", Assert.Single(answers[1].GetProperty("policies").EnumerateArray()).GetProperty("source").GetProperty("id").GetString());
        Assert.Equal(2, answers.Length);
    }
}
