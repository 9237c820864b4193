using System.Globalization;

namespace Patchbay.Bench;

/// <summary>The command line: <c>--runs N --only a,b --containers N --patience MINUTES --out DIR</c>.</summary>
internal sealed record Options(int Runs, int Containers, int PatienceMinutes, IReadOnlyList<string> Only, string OutDirectory, string CommandLine)
{
    internal static Options Parse(string[] arguments, string defaultOut, IReadOnlyList<string> known)
    {
        var runs = 15;
        var containers = 500;
        var patience = 60;
        IReadOnlyList<string> only = known;
        var outDirectory = defaultOut;
        var shown = new List<string>();
        for (var i = 0; i < arguments.Length; i += 2)
        {
            var value = i + 1 < arguments.Length ? arguments[i + 1] : throw new BenchException($"{arguments[i]} needs a value");
            switch (arguments[i])
            {
                case "--runs":
                    runs = Number(arguments[i], value);
                    break;
                case "--containers":
                    containers = Number(arguments[i], value);
                    break;
                case "--patience":
                    patience = Number(arguments[i], value);
                    break;
                case "--only":
                    only = value.Split(',');
                    foreach (var name in only)
                    {
                        if (!known.Contains(name))
                            throw new BenchException($"--only {name}: not one of {string.Join(", ", known)}");
                    }
                    break;
                case "--out":
                    outDirectory = value;
                    continue;   // where the results go is no part of how they came about
                default:
                    throw new BenchException($"{arguments[i]}: unknown option; there are --runs N, --containers N, --patience MINUTES, --only {string.Join(',', known)} and --out DIR");
            }
            shown.Add($"{arguments[i]} {value}");
        }
        var command = "dotnet run -c Release --project bench/Patchbay.Bench";
        return new Options(runs, containers, patience, only, outDirectory, shown.Count == 0 ? command : $"{command} -- {string.Join(' ', shown)}");
    }

    private static int Number(string option, string value) => int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0
        ? number
        : throw new BenchException($"{option} {value}: not a number above 0");
}
