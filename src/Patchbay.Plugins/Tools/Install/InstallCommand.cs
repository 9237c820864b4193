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
    private readonly List<Entry> _reported = [];
    private readonly List<string> _done = []; // of each of them

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
            List<string> all = ["patchbay-cni"];
            all.AddRange(names);
            var options = InstallOptions.Parse(arguments, all);
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
            Say(entry, entry.Description);
        return entries.TrueForAll(entry => entry.State is EntryState.Current or EntryState.K3s);
    }

    private bool Install(PluginDirectory directory, List<Entry> entries)
    {
        List<Entry> refused = entries.FindAll(entry => entry.State == EntryState.Obstacle || (entry.State == EntryState.Foreign && !_options.Force));
        if (refused.Count > 0)
        {
            Refuse(refused);
            return false;
        }

        List<string> wanted = [];
        foreach (Entry entry in entries)
        {
            bool replace = entry.State != EntryState.Current && (entry.State != EntryState.K3s || _options.Force);
            if (replace)
                wanted.Add(entry.Name);
            Say(entry, replace ? Verb(entry) : entry.Description);
        }

        if (!_options.DryRun && wanted.Count > 0)
            directory.Put(wanted, entries.Find(entry => entry is { State: EntryState.Current, File: not null })?.Name);
        else if (!_options.DryRun)
            directory.RemoveLeftovers();
        return true;
    }

    private void Refuse(List<Entry> refused)
    {
        StringBuilder text = new();
        text.Append("patchbay-cni install: ").Append(_options.Directory).Append(" has files of others: ");
        foreach (Entry entry in refused)
        {
            text.Append(_done.Count == 0 ? "" : ", ").Append(entry.Name);
            Say(entry, $"not ours ({entry.What ?? "a program of somebody else"})");
        }

        text.Append(". Nothing was changed; ")
            .Append(refused.Exists(entry => entry.State == EntryState.Obstacle) ? "remove them first" : "--force replaces them, --names leaves them out");
        PluginHost.Note(_environment, text.ToString());
    }

    private bool Uninstall(PluginDirectory directory, List<Entry> entries)
    {
        // Links in front of what they lead to: should this be killed, what remains is still known as ours.
        List<Entry> ours = entries.FindAll(entry => entry is { IsOurs: true, File: null });
        ours.AddRange(entries.FindAll(entry => entry is { IsOurs: true, File: not null }));
        // With a choice of names, exactly those; otherwise also what earlier versions were called.
        if (entries.Exists(entry => entry.Name == "patchbay-cni"))
        {
            foreach (string name in directory.OtherNames(entries))
                ours.Add(new Entry(name, EntryState.Different));
        }

        if (!_options.DryRun)
            directory.RemoveLeftovers();
        foreach (Entry entry in ours)
        {
            if (!_options.DryRun)
                directory.Remove(entry.Name);
            Say(entry, "removed");
        }

        foreach (Entry entry in entries)
        {
            if (!entry.IsOurs && entry.State != EntryState.Missing)
                Say(entry, $"left ({entry.Description})");
        }

        return true;
    }

    private void Say(Entry entry, string done)
    {
        _reported.Add(entry);
        _done.Add(done);
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
        int width = 0;
        foreach (Entry entry in _reported)
            width = Math.Max(width, entry.Name.Length);
        for (int i = 0; i < _reported.Count; i++)
            text.Append("  ").Append(_reported[i].Name.PadRight(width + 2)).Append(_done[i]).Append('\n');
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
            for (int i = 0; i < _reported.Count; i++)
            {
                Entry entry = _reported[i];
                json.WriteStartObject();
                json.WriteString("name", entry.Name);
                json.WriteString("state", entry.Word); // as it was found
                if (entry.Version is not null)
                    json.WriteString("version", entry.Version);
                if (!_options.Check)
                    json.WriteString("done", good ? _done[i].Split(' ')[0] : "refused");
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        return bytes.ToArray();
    }
}
