using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Win32.SafeHandles;
using Patchbay.Lab.Schema;

namespace Patchbay.Lab.Life;

/// <summary>What a lab was told when it came up, for the commands that find it by its name. Nothing here is needed to take the lab down.</summary>
internal sealed record LabRecord
{
    public required string Lab { get; init; }

    public required LabSources Sources { get; init; }

    public required LabOptions Options { get; init; }

    /// <summary>The process that follows the engines' events; 0 when nothing needs to be followed.</summary>
    public int Process { get; init; }

    /// <summary>It had an engine start containers.</summary>
    public bool Containers { get; init; }

    /// <summary>That process was left behind by <c>up --detach</c>, and no one looks at it.</summary>
    public bool Followed { get; init; }

    /// <summary>Reads again what the files said then, with the variables of then.</summary>
    public (LabConfig Config, LabSources Sources) ReadFiles() => LabFiles.Read(Sources.Files, Sources.Profiles, variable => Sources.Variables.GetValueOrDefault(variable));
}

/// <summary>How a lab was brought up, beyond its files.</summary>
internal sealed record LabOptions
{
    public BridgeMode DefaultBridgeMode { get; init; } = BridgeMode.Auto;

    public int? DefaultMtu { get; init; }

    /// <summary>The path of the namespace for the bridges; null for that of the process.</summary>
    public string? Here { get; init; }

    public bool KeepVethOffload { get; init; }

    /// <summary>The compose project whose services are meant.</summary>
    public string? Project { get; init; }

    /// <summary>The project that docker-compose would call the files' own.</summary>
    public string? FilesProject { get; init; }

    public string? OvsSocket { get; init; }

    public string? ContainerdSocket { get; init; }

    public string? HookSocket { get; init; }

    /// <summary>Named namespaces are taken for containers.</summary>
    public bool Namespaces { get; init; }

    public string? DockerSocket { get; init; }

    public string? PodmanSocket { get; init; }
}

[JsonSerializable(typeof(LabRecord))]
[JsonSourceGenerationOptions(UseStringEnumConverter = true, WriteIndented = true)]
internal sealed partial class LabJson : JsonSerializerContext;

/// <summary>The directory of a lab that is up: <c>/run/patchbay/lab/NAME</c>, with what it was told, a lock, its log, and a file that is there when all is connected.</summary>
internal sealed class LabState(string lab)
{
    private static readonly string Root = $"{RuntimeDirectory.Path}/lab";

    public string Directory { get; } = $"{Root}/{lab}";

    public string ReadyFile => $"{Directory}/ready";

    public string LogFile => $"{Directory}/log";

    private string RecordFile => $"{Directory}/lab.json";

    /// <summary>The labs that are up, as far as this directory tells.</summary>
    public static IReadOnlyList<string> All() =>
        System.IO.Directory.Exists(Root) ? [.. System.IO.Directory.EnumerateDirectories(Root).Where(each => File.Exists($"{each}/lab.json")).Select(each => Path.GetFileName(each)).Order(StringComparer.Ordinal)] : [];

    /// <summary>Holds the lab's lock until disposed: one process at a time changes a lab.</summary>
    /// <param name="wait">How long to wait for another one that does.</param>
    /// <returns>Null when another still has it.</returns>
    public FileStream? Lock(TimeSpan wait)
    {
        System.IO.Directory.CreateDirectory(Directory);
        // .NET's share mode None is flock(2), which ends with the process.
        var deadline = Environment.TickCount64 + (long)wait.TotalMilliseconds;
        while (true)
        {
            try
            {
                return new FileStream($"{Directory}/lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (Environment.TickCount64 < deadline)
            {
                // flock(2) has no wait with a limit.
                using var pause = new ManualResetEventSlim();
                pause.Wait(20);
            }
            catch (IOException)
            {
                return null;
            }
        }
    }

    /// <summary>Whether a process works on the lab now.</summary>
    public bool IsHeld
    {
        get
        {
            if (!System.IO.Directory.Exists(Directory))
                return false;
            using var own = Lock(TimeSpan.Zero);
            return own is null;
        }
    }

    public LabRecord? Read()
    {
        try
        {
            using var file = File.OpenRead(RecordFile);
            return JsonSerializer.Deserialize(file, LabJson.Default.LabRecord);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException or JsonException)
        {
            return null; // none, or half of one: a process was killed in the middle
        }
    }

    public void Write(LabRecord record)
    {
        System.IO.Directory.CreateDirectory(Directory);
        var next = $"{RecordFile}.new";
        using (var file = new FileStream(next, FileMode.Create, FileAccess.Write))
            JsonSerializer.Serialize(file, record, LabJson.Default.LabRecord);
        File.Move(next, RecordFile, overwrite: true);
    }

    public void SetReady(bool ready)
    {
        if (ready)
            File.WriteAllText(ReadyFile, "");
        else if (File.Exists(ReadyFile))
            File.Delete(ReadyFile);
    }

    public void Remove()
    {
        if (System.IO.Directory.Exists(Directory))
            System.IO.Directory.Delete(Directory, recursive: true);
    }
}
