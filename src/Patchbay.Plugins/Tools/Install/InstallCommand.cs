using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Tools.Install;

/// <summary><c>patchbay-cni install</c>: the running program into a directory of plugins, and out of it. docs/install.md.</summary>
internal sealed class InstallCommand
{
    private const string Program = "/proc/self/exe";

    private readonly InstallOptions _options;
    private readonly PluginEnvironment _environment;
    private readonly List<(Entry Entry, string Done)> _report = [];

    private InstallCommand(InstallOptions options, PluginEnvironment environment)
    {
        _options = options;
        _environment = environment;
    }

    /// <summary>Runs the tool.</summary>
    /// <param name="arguments">What comes after <c>install</c>.</param>
    /// <param name="names">Every name that this program answers to.</param>
    /// <param name="environment">Variables and streams.</param>
    /// <returns>The exit status.</returns>
    internal static int Run(ReadOnlySpan<string> arguments, IEnumerable<string> names, PluginEnvironment environment)
    {
        try
        {
            // The program's own name first: it is the one to look at when a directory is half done.
            var options = InstallOptions.Parse(arguments, ["patchbay-cni", .. names]);
            if (!options.Help)
                return new InstallCommand(options, environment).Run();
            PluginHost.Note(environment, InstallOptions.Usage);
            return 0;
        }
        catch (ArgumentException error)
        {
            PluginHost.Note(environment, $"patchbay-cni install: {error.Message}");
            return 2;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            PluginHost.Note(environment, $"patchbay-cni install: {CniException.From(error).Text}");
            return 1;
        }
    }

    private int Run()
    {
        using var ended = new ManualResetEventSlim();
        // Before the work: as process 1 of a container it would not be ended by a signal that it does not handle.
        using PosixSignalRegistration? terminate = _options.Wait ? PosixSignalRegistration.Create(PosixSignal.SIGTERM, End) : null;
        using PosixSignalRegistration? interrupt = _options.Wait ? PosixSignalRegistration.Create(PosixSignal.SIGINT, End) : null;
        bool good = Work();
        if (good && _options.Wait)
            ended.Wait();
        return good ? 0 : 1;

        void End(PosixSignalContext signal)
        {
            signal.Cancel = true;
            ended.Set();
        }
    }

    private bool Work()
    {
        using var directory = PluginDirectory.Open(_options.Directory, Program, _options.K3s);
        List<Entry> entries = directory.Survey(_options.Names);
        bool good = _options.Check ? Check(entries) : _options.Uninstall ? Uninstall(directory, entries) : Install(directory, entries);
        Report(good);
        return good;
    }

    private bool Check(List<Entry> entries)
    {
        foreach (Entry entry in entries)
            _report.Add((entry, entry.Description));
        return entries.TrueForAll(entry => entry.State is EntryState.Current or EntryState.K3s);
    }

    private bool Install(PluginDirectory directory, List<Entry> entries)
    {
        List<Entry> wanted = entries.FindAll(entry => entry.State != EntryState.Current && (entry.State != EntryState.K3s || _options.Force));
        List<Entry> refused = wanted.FindAll(entry => entry.State == EntryState.Obstacle || (entry.State == EntryState.Foreign && !_options.Force));
        foreach (Entry entry in refused.Count > 0 ? refused : entries)
            _report.Add((entry, refused.Count > 0 ? $"not ours ({entry.What ?? "a program of somebody else"})" : wanted.Contains(entry) ? Verb(entry) : entry.Description));
        if (refused.Count > 0)
        {
            string way = refused.Exists(entry => entry.State == EntryState.Obstacle) ? "remove them first" : "--force replaces them, --names leaves them out";
            PluginHost.Note(_environment, $"patchbay-cni install: {_options.Directory} has files of others: {string.Join(", ", refused.Select(entry => entry.Name))}. Nothing was changed; {way}");
            return false;
        }

        if (!_options.DryRun && wanted.Count > 0)
            directory.Put([.. wanted.Select(entry => entry.Name)], entries.Find(entry => entry is { State: EntryState.Current, File: not null })?.Name);
        else if (!_options.DryRun)
            directory.RemoveLeftovers();
        return true;
    }

    private bool Uninstall(PluginDirectory directory, List<Entry> entries)
    {
        // With a choice of names, exactly those; otherwise also what earlier versions were called.
        bool all = _options.Names.Contains("patchbay-cni");
        List<Entry> ours = entries.FindAll(entry => entry.IsOurs);
        if (all)
            ours.AddRange(directory.OtherNames(entries).Select(name => new Entry(name, EntryState.Different)));
        if (!_options.DryRun)
        {
            directory.RemoveLeftovers();
            // Links in front of what they lead to: should this be killed, what remains is still known as ours.
            foreach (Entry entry in ours.OrderBy(entry => entry.File is null ? 0 : 1))
                directory.Remove(entry.Name);
        }

        foreach (Entry entry in ours)
            _report.Add((entry, "removed"));
        foreach (Entry entry in entries.Where(entry => !entry.IsOurs && entry.State != EntryState.Missing))
            _report.Add((entry, $"left ({entry.Description})"));
        return true;
    }

    private static string Verb(Entry entry) => entry.State == EntryState.Missing ? "new" : $"replaced ({entry.Description})";

    private void Report(bool good)
    {
        using Stream output = _environment.Output;
        if (_options.Json)
        {
            output.Write(Object(good));
            output.Write("\n"u8);
            return;
        }

        StringBuilder text = new();
        text.Append(_options.Directory).Append(": patchbay-cni ").Append(PluginHost.ProgramVersion).Append(_options.DryRun ? " (dry run)\n" : "\n");
        int width = _report.Count == 0 ? 0 : _report.Max(line => line.Entry.Name.Length);
        foreach ((Entry entry, string done) in _report)
            text.Append("  ").Append(entry.Name.PadRight(width + 2)).Append(done).Append('\n');
        output.Write(Encoding.UTF8.GetBytes(text.ToString()));
    }

    private byte[] Object(bool good)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes))
        {
            json.WriteStartObject();
            json.WriteString("version", PluginHost.ProgramVersion);
            json.WriteString("directory", _options.Directory);
            json.WriteBoolean("ok", good);
            json.WriteBoolean("dryRun", _options.DryRun);
            json.WriteStartArray("names");
            foreach ((Entry entry, string done) in _report)
            {
                json.WriteStartObject();
                json.WriteString("name", entry.Name);
                json.WriteString("state", entry.Word); // as it was found
                if (entry.Version is not null)
                    json.WriteString("version", entry.Version);
                if (!_options.Check)
                    json.WriteString("done", good ? done.Split(' ')[0] : "refused");
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return bytes.ToArray();
    }
}
