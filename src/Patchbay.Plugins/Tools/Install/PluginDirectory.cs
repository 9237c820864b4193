using Microsoft.Win32.SafeHandles;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Tools.Install;

/// <summary>The directory that engines start plugins from. Everything goes by its descriptor: a path below it is one name, and never leads out.</summary>
internal sealed class PluginDirectory : IDisposable
{
    private const string NewFile = ".patchbay-cni.new";
    private const string NewLink = ".patchbay-cni.link";

    private readonly string _path;
    private readonly SafeFileHandle _directory;
    private readonly SafeFileHandle _program;
    private readonly bool _k3s;
    private readonly List<Entry> _seen = []; // one for each file that was read: most names are one file

    private PluginDirectory(string path, SafeFileHandle directory, SafeFileHandle program, bool k3s)
    {
        _path = path;
        _directory = directory;
        _program = program;
        _k3s = k3s;
    }

    /// <summary>Opens a directory and waits until no other installation is at work in it.</summary>
    /// <param name="path">The directory; a symbolic link to one is followed.</param>
    /// <param name="program">The file to install.</param>
    /// <param name="k3s">Whether names that k3s links to its program are k3s'.</param>
    internal static PluginDirectory Open(string path, string program, bool k3s)
    {
        SafeFileHandle directory = Libc.OpenDirectory(path) ?? throw new IOException(Libc.LastError switch
        {
            Libc.ENOENT => $"{path} does not exist: make it first (mkdir -p), or name another directory",
            Libc.ENOTDIR => $"{path} is not a directory",
            int error => Message(path, error),
        });
        Libc.Lock(directory);
        return new PluginDirectory(path, directory, File.OpenHandle(program), k3s);
    }

    /// <summary>Looks at names.</summary>
    internal List<Entry> Survey(IReadOnlyList<string> names)
    {
        List<Entry> entries = [];
        foreach (string name in names)
            entries.Add(Look(name));

        // Of several files with the right bytes, the one with most names is the one that the others should be.
        Entry? most = null;
        int mostNames = 0;
        foreach (Entry entry in entries)
        {
            if (CountSame(entries, entry) is var count && count > mostNames)
                (most, mostNames) = (entry, count);
        }

        foreach (Entry entry in entries)
        {
            if (entry is { State: EntryState.Current, File: { } file } && !file.IsSame(most!.File!.Value))
                entry.State = EntryState.Copy;
        }

        return entries;
    }

    /// <summary>Every other name of the files that <paramref name="entries"/> found to be ours: what earlier versions answered to.</summary>
    internal List<string> OtherNames(List<Entry> entries)
    {
        List<string> others = [];
        foreach (string name in Libc.List(_directory))
        {
            if (Libc.Stat(_directory, name) is { IsRegular: true } file && !entries.Exists(entry => entry.Name == name)
                && entries.Exists(entry => entry is { IsOurs: true, File: { } ours } && ours.IsSame(file)))
                others.Add(name);
        }

        return others;
    }

    /// <summary>Removes what an installation left behind that was killed: its file and link without a final name.</summary>
    internal void RemoveLeftovers()
    {
        foreach (string name in Libc.List(_directory))
        {
            bool leftover = name is NewFile or NewLink
                // The first installer, a script, named its links so.
                || (name.StartsWith('.') && name.EndsWith(".link", StringComparison.Ordinal) && Look(name).IsOurs);
            if (leftover)
                Remove(name);
        }
    }

    /// <summary>Puts the program under names, each replaced at once. Whoever is killed in between leaves some old names and some new ones, all of them whole.</summary>
    /// <param name="names">The names.</param>
    /// <param name="existing">A name that is the program already, whose file is used; null to write a new one.</param>
    internal void Put(IReadOnlyList<string> names, string? existing)
    {
        RemoveLeftovers();
        try
        {
            if (existing is null)
                Write();
            foreach (string name in names)
            {
                Check(Libc.Link(_directory, existing ?? NewFile, NewLink), name);
                Check(Libc.Rename(_directory, NewLink, name), name);
            }
        }
        catch (IOException)
        {
            _ = Libc.Unlink(_directory, NewLink);
            _ = Libc.Unlink(_directory, NewFile);
            throw;
        }

        if (existing is null)
            Remove(NewFile);
        Check(Libc.Sync(_directory), _path);
    }

    /// <summary>Removes a name; one that is gone is no error.</summary>
    internal void Remove(string name)
    {
        if (Libc.Unlink(_directory, name) is not (0 or Libc.ENOENT) and var error)
            throw new IOException(Message($"{_path}/{name}", error));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _program.Dispose();
        _directory.Dispose();
    }

    private static int CountSame(List<Entry> entries, Entry one)
    {
        int count = 0;
        foreach (Entry entry in entries)
        {
            if (entry is { State: EntryState.Current, File: { } file } && one is { State: EntryState.Current, File: { } same } && file.IsSame(same))
                count++;
        }

        return count;
    }

    private void Write()
    {
        using SafeFileHandle file = Libc.Open(_directory, NewFile, Libc.O_WRONLY | Libc.O_CREAT | Libc.O_EXCL, 0x180)
            ?? throw new IOException(Message(_path, Libc.LastError));
        byte[] block = new byte[1 << 20];
        for (long offset = 0; RandomAccess.Read(_program, block, offset) is > 0 and var got; offset += got)
            Check(Libc.Write(file, block.AsSpan(0, got), offset), _path);
        Check(Libc.SetMode(file, 0x1ed), _path);
        Check(Libc.Sync(file), _path); // before it has a name: after a power failure no name is an empty file
    }

    private Entry Look(string name)
    {
        if (Libc.Stat(_directory, name) is not { } file)
            return Libc.LastError == Libc.ENOENT ? new Entry(name, EntryState.Missing) : throw new IOException(Message($"{_path}/{name}", Libc.LastError));
        if (file.IsLink)
            return LookAtLink(name);
        if (!file.IsRegular)
            return new Entry(name, EntryState.Obstacle) { What = file.IsDirectory ? "directory" : "special file" };
        if (_k3s && Libc.Stat(_directory, "cni") is { IsRegular: true } k3s && k3s.IsSame(file))
            return new Entry(name, EntryState.K3s) { What = "the same file as cni" };
        Entry known = Identify(name, file);
        return new Entry(name, known.State) { Version = known.Version, File = file };
    }

    // k3s: "cni" beside it in data/HASH/bin, or the path of that from data/cni. Packages: the name of our file beside it.
    private Entry LookAtLink(string name)
    {
        string target = Libc.ReadLink(_directory, name) ?? "";
        string what = $"symbolic link to {target}";
        if (_k3s && Path.GetFileName(target) == "cni")
            return new Entry(name, EntryState.K3s) { What = what };
        if (!target.Contains('/', StringComparison.Ordinal) && target is not ("" or "." or "..") && Libc.Stat(_directory, target) is { IsRegular: true } file)
        {
            Entry known = Identify(target, file);
            if (known.IsOurs)
                return new Entry(name, known.State) { Version = known.Version, What = what };
        }

        return new Entry(name, EntryState.Foreign) { What = what };
    }

    private Entry Identify(string name, FileState file)
    {
        foreach (Entry seen in _seen)
        {
            if (seen.File!.Value.IsSame(file))
                return seen;
        }

        Entry entry = Read(name, file);
        _seen.Add(entry);
        return entry;
    }

    private Entry Read(string name, FileState file)
    {
        using SafeFileHandle handle = Libc.Open(_directory, name, Libc.O_RDONLY | Libc.O_NONBLOCK) ?? throw new IOException(Message($"{_path}/{name}", Libc.LastError));
        if (!ProgramMark.IsIn(handle, out string? version))
            return new Entry(name, EntryState.Foreign) { File = file };
        EntryState state = ProgramMark.Same(_program, handle)
            ? file.IsProgram ? EntryState.Current : EntryState.Permissions
            : ProgramMark.Compare(version, PluginHost.ProgramVersion) switch
            {
                < 0 => EntryState.Older,
                > 0 => EntryState.Newer,
                _ => EntryState.Different,
            };
        return new Entry(name, state) { Version = version, File = file };
    }

    private static void Check(int error, string what)
    {
        if (error != 0)
            throw new IOException(Message(what, error));
    }

    private static string Message(string what, int error) => error switch
    {
        Libc.EROFS => $"{what}: the file system is read-only",
        Libc.EACCES or Libc.EPERM => $"{what}: no permission to write there; run it as root",
        Libc.ENOSPC or Libc.EDQUOT => $"{what}: no space left",
        Libc.EMLINK => $"{what}: the file system allows no more hard links to one file",
        _ => $"{what}: {System.Runtime.InteropServices.Marshal.GetPInvokeErrorMessage(error)}",
    };
}
