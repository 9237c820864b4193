using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Cni.Runtime;

namespace Patchbay.Bench.Load;

/// <summary>One of the runtimes of a load: a process in the host's namespace that attaches, checks and detaches its share when it is told to.</summary>
/// <remarks>
/// Its share is a file of namespace paths. It says <c>ready</c> after a first container, which takes the just-in-time compilation, and
/// answers each operation on standard input with a line a container (<c>ADD NUMBER MILLISECONDS TEXT</c>) and <c>done</c>.
/// </remarks>
internal sealed class LoadWorker
{
    internal const string Verb = "load-worker";

    private readonly CniRuntime _runtime;
    private readonly NetworkList _list;

    private LoadWorker(string plugins, string list, string cache)
    {
        _runtime = new CniRuntime { PluginPath = [plugins], Cache = new ResultCache(cache) };
        _list = NetworkList.Parse(File.ReadAllBytes(list));
    }

    /// <summary>Arguments: directory of plugins, list, cache directory, file with <c>NUMBER PATH</c> lines of which the first is for warming up.</summary>
    internal static int Run(IReadOnlyList<string> arguments)
    {
        var worker = new LoadWorker(arguments[0], arguments[1], arguments[2]);
        (int Number, string Path)[] share = [.. File.ReadAllLines(arguments[3]).Select(line => line.Split(' '))
            .Select(words => (int.Parse(words[0], CultureInfo.InvariantCulture), words[1]))];
        foreach (var operation in (string[])["ADD", "CHECK", "DEL"])
            _ = worker.Timed(operation, share[0]);
        Console.WriteLine("ready");
        while (Console.ReadLine() is { Length: > 0 } operation)
        {
            foreach (var each in share[1..])
                Console.WriteLine(worker.Timed(operation, each));
            Console.WriteLine("done");
        }
        return 0;
    }

    private string Timed(string operation, (int Number, string Path) container)
    {
        var attachment = new Attachment
        {
            ContainerId = ContainerId(container.Number),
            NetnsPath = container.Path,
            IfName = "eth0",
            Args = [new("IgnoreUnknown", "1")],
            CapabilityArgs = new Dictionary<string, JsonElement> { ["portMappings"] = Ports(container.Number) },
        };
        var start = Stopwatch.GetTimestamp();
        string outcome;
        try
        {
            outcome = Do(operation, attachment);
        }
        catch (CniException e)
        {
            outcome = $"failed: {e.Message} {e.Details}".ReplaceLineEndings(" ");
        }
        var milliseconds = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        return string.Create(CultureInfo.InvariantCulture, $"{operation} {container.Number} {milliseconds:f3} {outcome}");
    }

    internal static string ContainerId(int number) => string.Create(CultureInfo.InvariantCulture, $"load-{number:d6}");

    private string Do(string operation, Attachment attachment)
    {
        switch (operation)
        {
            case "ADD":
                return string.Join(' ', _runtime.Add(_list, attachment).Ips.Select(ip => ip.Address.ToString()));
            case "CHECK":
                _runtime.Check(_list, attachment);
                return "";
            default:
                _runtime.Delete(_list, attachment);
                return "";
        }
    }

    private static JsonElement Ports(int number)
    {
        using var document = JsonDocument.Parse(string.Create(
            CultureInfo.InvariantCulture, $$"""[{"hostPort":{{10000 + number}},"containerPort":80,"protocol":"tcp"}]"""));
        return document.RootElement.Clone();
    }
}
