using System.Globalization;
using System.Text;

namespace Patchbay.Bench.Scenarios;

/// <summary>What an installation takes on disk.</summary>
internal sealed class SizeScenario() : Scenario("size")
{
    internal static readonly Row Installed = new("size", "installed size of all plugins", Row.Megabytes);

    internal override void Run(Session session)
    {
        Session.Log($"{Installed.Id}: {Installed.Title}");
        foreach (var program in new[] { Peers.Ours, Peers.Reference })
        {
            var series = session.Results.Of(Installed, "size", program, "");
            var directory = session.Peers.DirectoryOf(program);
            if (!Directory.Exists(directory))
            {
                series.Absent = "not installed";
                continue;
            }

            // One file may have many names: hard links are counted once.
            string[] names = Directory.GetFiles(directory);
            var listing = Encoding.UTF8.GetString(Spawn.Expect(Command.Of("stat", ["-L", "-c", "%i %s", .. names])));
            var files = listing.Split('\n', StringSplitOptions.RemoveEmptyEntries).Distinct()
                .Select(l => double.Parse(l.Split(' ')[1], CultureInfo.InvariantCulture)).ToArray();
            series.Values.Add(files.Sum() / 1e6);
            series.Note = $"{files.Length} {(files.Length == 1 ? "file" : "files")}, {names.Length} names";
        }
    }
}
