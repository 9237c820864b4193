using System.Reflection;
using System.Text.RegularExpressions;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Engines;

/// <summary>What docs/engines tells a reader to type, a test types: by page and heading, in a call of its source.</summary>
public class PagesAreTypedTests
{
    private static readonly Dictionary<(string Page, string Heading), string> Exceptions = new()
    {
        [("docs/engines/containerd.md", "Install")] = "installation from the distribution",
        [("docs/engines/podman.md", "Install the plugins")] = "installation from the distribution",
        [("docs/engines/podman.md", "DNS between containers")] = "a setting, for the plugin dnsname, which is none of this project",
        [("docs/engines/nerdctl.md", "nerdctl")] = "Debian has no nerdctl",
        [("docs/engines/nomad.md", "Nomad")] = "a setting; Debian has no Nomad",
        [("docs/engines/cri-o.md", "CRI-O")] = "a setting; Debian has no CRI-O",
    };

    [Fact]
    public void Every_block_is_typed_by_a_test_or_an_exception_that_is_told()
    {
        HashSet<(string, string)> shown = [];
        foreach (string file in Directory.GetFiles(Repository.PathOf("docs/engines"), "*.md"))
        {
            string page = Path.GetRelativePath(Repository.Root, file);
            shown.UnionWith(DocumentedCommands.Of(page).Blocks.Select(block => (page, block.Heading)));
        }

        HashSet<(string, string)> typed = [.. Typed()];
        Assert.Equal(Exceptions.Keys.Order(), shown.Where(block => !typed.Contains(block)).Order());
    }

    // Of every test that names a page: what it calls something with.
    private static IEnumerable<(string Page, string Heading)> Typed()
    {
        foreach (string file in Directory.GetFiles(Repository.PathOf("tests/Patchbay.SystemTests"), "*.cs", SearchOption.AllDirectories))
        {
            string source = Regex.Replace(File.ReadAllText(file), @"\bPodmanPage\.(\w+)", constant => $"\"{ConstantOf(constant.Groups[1].Value)}\"");
            foreach (Match page in Regex.Matches(source, "\"(docs/engines/[^\"]+)\""))
                foreach (Match call in Regex.Matches(source, """\w\("([^"]+)"\)"""))
                    yield return (page.Groups[1].Value, call.Groups[1].Value);
        }
    }

    private static string? ConstantOf(string name) => (string?)typeof(PodmanPage).GetField(name, BindingFlags.Public | BindingFlags.Static)?.GetRawConstantValue();
}
