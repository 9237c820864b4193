using System.Runtime.CompilerServices;
using Patchbay.Lab.Graph;
using Patchbay.Lab.Plan;
using Patchbay.Lab.Schema;

namespace Patchbay.Tests.Lab;

/// <summary>The examples, damaged in many ways, the same ones each time: each is a lab, or is refused with a place and a reason.</summary>
public class DamagedLabTests
{
    private static readonly string[] Pieces =
    [
        "", "0", "-1", "4294967296", "1e9", "~", "null", "true", "[]", "{}", "[[]]", "{a: b}", "\"", "'", "&a", "*a", "<<: *a", "!!int x", "|", "\t", "\0", "\u2028", "💥", "${", "${X:?}", "$$", "{INDEX}", "{IP}",
        "10.0.0.1", "::", "255.255.255.255/32", "fe80::1/128", "ff:ff:ff:ff:ff:ff", "/", "..", "lo", "eth0", "veth", "patch", "links", "bridge", "node", "delay", "99999999999999999999", "%", "# ",
    ];

    [Fact]
    public void A_damaged_file_is_a_lab_or_refused()
    {
        string[] examples = [.. Directory.EnumerateFiles(Path.Combine(Path.GetDirectoryName(ThisFile())!, "../../../examples/lab"), "*.yaml").Order(StringComparer.Ordinal).Select(File.ReadAllText)];
        Assert.NotEmpty(examples);
        Random random = new(1);
        int good = 0, refused = 0;
        for (int i = 0; i < 4000; i++)
        {
            string text = Damage(examples[i % examples.Length], random);
            try
            {
                LabConfig config = LabText.Config(text, ("NODE_NAME", "n"));
                DotText.Write(LabGraph.Of(TopologyBuilder.Build(config, new TopologyOptions { Lab = "test" }, Expected.Containers(config)), seen: null));
                good++;
            }
            catch (LabFileException error)
            {
                Assert.All(error.Problems, problem => Assert.NotEqual("", problem.Message));
                refused++;
            }
            catch (Exception error)
            {
                Assert.Fail($"{error}\n{text}");
            }
        }

        Assert.True(good > 100 && refused > 1000, $"{good} good, {refused} refused");
    }

    private static string Damage(string text, Random random)
    {
        for (int times = random.Next(1, 4); times > 0; times--)
        {
            int at = random.Next(text.Length), length = Math.Min(random.Next(0, 12), text.Length - at);
            text = random.Next(3) switch
            {
                0 => text.Remove(at, length),
                1 => text.Remove(at, length).Insert(at, Pieces[random.Next(Pieces.Length)]),
                _ => text.Insert(at, text.Substring(random.Next(text.Length - length), length)),
            };
        }

        return text;
    }

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
