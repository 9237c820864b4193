using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Fuzz;

/// <summary>Damaged configurations: whatever comes in, out comes a result or an error object, and nothing is left behind. docs/testing.md.</summary>
public class FuzzTests
{
    private const int Workers = 4;

    // A snapshot takes as long as a hundred calls.
    private const int Batch = 500;
    private static readonly string[] Commands = ["ADD", "ADD", "ADD", "ADD", "ADD", "CHECK", "DEL", "DEL", "GC", "STATUS"];

    // Programmers' errors that became somebody's error message.
    private static readonly Type[] Blunders =
    [
        typeof(NullReferenceException), typeof(IndexOutOfRangeException), typeof(InvalidCastException), typeof(ArgumentOutOfRangeException), typeof(ArgumentNullException),
        typeof(KeyNotFoundException), typeof(DivideByZeroException), typeof(OverflowException), typeof(NotImplementedException), typeof(InvalidOperationException),
    ];

    [ThreadStatic]
    private static List<Exception>? t_blunders;

    static FuzzTests() => AppDomain.CurrentDomain.FirstChanceException += (_, thrown) =>
    {
        if (t_blunders is { } list && Blunders.Contains(thrown.Exception.GetType()))
            list.Add(thrown.Exception);
    };

    /// <summary>Configurations a plugin. <c>make fuzz</c> tries 20,000.</summary>
    private static int Runs { get; } = int.TryParse(Environment.GetEnvironmentVariable("PATCHBAY_FUZZ"), NumberStyles.None, CultureInfo.InvariantCulture, out int runs) ? runs : 3000;

    public static TheoryData<string> Plugins => [.. FuzzCorpus.Plugins];

    /// <summary>A table of a page begins its rows with keys; what a plugin reads and its page does not tell, nobody knows of.</summary>
    [Theory]
    [MemberData(nameof(Plugins))]
    public void Corpus_has_every_key_of_the_plugins_page(string plugin)
    {
        string page = Repository.PathOf($"docs/{(plugin == "cni-wrapper-plugin" ? "wrapper" : plugin)}.md");
        string corpus = string.Concat(FuzzCorpus.Of(plugin, "/data", "/netns").Select(each => each.ToJsonString()));

        Assert.All(File.ReadLines(page).Where(line => line.StartsWith("| `", StringComparison.Ordinal)), row =>
            Assert.All(Regex.Matches(row.Split('|')[1], "`([A-Za-z_]+)`").Select(match => match.Groups[1].Value).Except(["lock"]), key =>
                Assert.Contains($"\"{key}\"", corpus, StringComparison.OrdinalIgnoreCase)));
    }

    [Theory]
    [MemberData(nameof(Plugins))]
    public void Any_configuration_gives_a_result_or_an_error_and_leaves_nothing(string plugin)
    {
        Plugin.NeedsOurs(plugin);
        Needs.OwnDirectories();
        var failures = new ConcurrentQueue<string>();
        var outcomes = new ConcurrentDictionary<string, int>();
        Parallel.For(0, Workers, new ParallelOptions { MaxDegreeOfParallelism = Workers }, worker =>
        {
            using var world = new FuzzWorld(FuzzCorpus.IsChained(plugin));
            new Run(world, plugin, seed: 1000 * worker + 1, failures, outcomes).All(Runs / Workers);
        });
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(", ", outcomes.OrderBy(each => each.Key).Select(each => $"{each.Key} {each.Value}")));
        if (!failures.IsEmpty)
            Assert.Fail(string.Join("\n\n", failures.Take(5)));
    }

    private sealed class Run(FuzzWorld world, string plugin, int seed, ConcurrentQueue<string> failures, ConcurrentDictionary<string, int> outcomes)
    {
        private readonly string _ifName = FuzzCorpus.IsChained(plugin) ? "eth0" : "net1";

        internal void All(int count)
        {
            JsonNode[] corpus = world.Corpus(plugin);
            // The valid ones first: tables, chains and bridges that stay on purpose are there from then on.
            world.Inside(() =>
            {
                foreach (JsonNode valid in corpus)
                    Once("ADD", Encoding.UTF8.GetBytes(valid.ToJsonString()), warm: true);
            });
            var mutator = new Mutator(seed, corpus);
            var random = new Random(seed);
            for (int done = 0; done < count && failures.Count < 5; done += Batch)
            {
                Snapshot before = world.Snapshot();
                var tried = new List<(string Command, byte[] Config)>();
                world.Inside(() =>
                {
                    for (int n = 0; n < Math.Min(Batch, count - done) && failures.Count < 5; n++)
                    {
                        (string command, byte[] config) = (Commands[random.Next(Commands.Length)], mutator.Next());
                        tried.Add((command, config));
                        Once(command, config);
                    }
                });
                string[] left = Left(before);
                if (left.Length > 0)
                    failures.Enqueue($"{plugin}: left behind\n{string.Join('\n', left)}\nby {Culprit(tried)}");
            }
        }

        private string[] Left(Snapshot before) => [.. before.Difference(world.Snapshot()).Where(fact => !FuzzCorpus.StaysOnPurpose(plugin, fact))];

        // The slow way, only when something is wrong: each again, with a look at the state after it.
        private string Culprit(List<(string Command, byte[] Config)> tried)
        {
            foreach ((string command, byte[] config) in tried)
            {
                Snapshot before = world.Snapshot();
                world.Inside(() => Once(command, config));
                if (Left(before).Length > 0)
                    return $"{command} {Encoding.UTF8.GetString(config)}";
            }

            return "none of them alone";
        }

        private void Once(string command, byte[] config, bool warm = false)
        {
            t_blunders = [];
            (int status, string output, TimeSpan took) = world.Call(plugin, command, _ifName, config);
            Judge(command, config, status, output, took);
            if (warm && status != 0 && !FuzzCorpus.MayFail(plugin, Encoding.UTF8.GetString(config)))
                failures.Enqueue($"{plugin}: the valid configuration fails: {output}\n{Encoding.UTF8.GetString(config)}");
            if (status == 0 && command == "ADD")
            {
                byte[] after = WithResult(config, output);
                foreach (string next in (string[])["CHECK", "DEL"])
                {
                    (status, output, took) = world.Call(plugin, next, _ifName, after);
                    Judge(next, after, status, output, took);
                    if (next == "DEL" && status != 0)
                        failures.Enqueue($"{plugin}: DEL after a successful ADD: {output}\n{Encoding.UTF8.GetString(after)}");
                }
            }

            t_blunders = null;
        }

        private void Judge(string command, byte[] config, int status, string output, TimeSpan took)
        {
            string what = $"{plugin} {command} {Encoding.UTF8.GetString(config)}\nprinted: {output}";
            outcomes.AddOrUpdate($"{command} {(status == 0 ? "succeeded" : "failed")}", 1, (_, count) => count + 1);
            foreach (Exception blunder in t_blunders!)
                failures.Enqueue($"{blunder}\n{what}");
            t_blunders.Clear();
            if (took > TimeSpan.FromSeconds(30))
                failures.Enqueue($"took {took}\n{what}");
            if (!IsAnswer(command, status, output))
                failures.Enqueue($"neither a result nor an error, status {status}\n{what}");
        }

        private static bool IsAnswer(string command, int status, string output)
        {
            if (status == 0 && command != "ADD")
                return output.Length == 0;
            try
            {
                using JsonDocument document = JsonDocument.Parse(output);
                JsonElement root = document.RootElement;
                return status switch
                {
                    0 => root.GetProperty("cniVersion").GetString() is { Length: > 0 },
                    1 => root.GetProperty("code").GetInt32() > 0 && root.GetProperty("msg").GetString() is { Length: > 0 },
                    _ => false,
                };
            }
            catch (Exception error) when (error is JsonException or KeyNotFoundException or InvalidOperationException)
            {
                return false;
            }
        }

        // Of the keys that come twice the last counts, as for the plugin.
        private static byte[] WithResult(byte[] config, string result)
        {
            string text = Encoding.UTF8.GetString(config).TrimEnd();
            return Encoding.UTF8.GetBytes($"{text[..^1]}, \"prevResult\": {result}}}");
        }
    }
}
