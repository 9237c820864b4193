using System.Globalization;
using System.Text;
using System.Text.Json;
using Patchbay.Cni.Model;

namespace Patchbay.Cni.Runtime;

/// <summary>Keeps the result of each attachment, in the files that other runtimes use: <c>DIR/results/NETWORK-CONTAINER-IFNAME</c>.</summary>
/// <remarks>
/// All three parts may contain <c>-</c>, so two attachments can want one name. The second then gets a name with a hash at its end,
/// and a file counts only when what it holds says that it is the attachment's. So does one whose name would be too long for a file.
/// </remarks>
public sealed class ResultCache
{
    /// <summary>Where every runtime keeps it.</summary>
    public const string DefaultDirectory = "/var/lib/cni";

    private const int LongestName = 255; // NAME_MAX of limits.h
    private const int LongestStem = 200;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private readonly string _results;

    /// <summary>Creates the cache; the directory is made at the first write.</summary>
    /// <param name="directory">The directory above <c>results</c>.</param>
    public ResultCache(string directory = DefaultDirectory)
    {
        Directory = directory;
        _results = Path.Combine(directory, "results");
    }

    /// <summary>The directory above <c>results</c>.</summary>
    public string Directory { get; }

    /// <summary>Writes the entry of an attachment, in place of an older one.</summary>
    /// <param name="list">The network.</param>
    /// <param name="attachment">What the runtime told.</param>
    /// <param name="result">What the chain returned.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Write(NetworkList list, Attachment attachment, CniResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        Write(list, attachment, result, complete: true);
    }

    /// <summary>Reads the entry of an attachment.</summary>
    /// <param name="network">The network.</param>
    /// <param name="attachment">Container and interface.</param>
    /// <returns>The entry, or null when there is none.</returns>
    /// <exception cref="CniException">Code 999: the file is corrupt, or of another version; the text names it.</exception>
    public CachedAttachment? Read(string network, CniAttachment attachment) => PathOf(network, attachment, forWriting: false) is { } path ? ReadFile(path) : null;

    /// <summary>Removes the entry of an attachment; a missing one is no error.</summary>
    /// <param name="network">The network.</param>
    /// <param name="attachment">Container and interface.</param>
    /// <exception cref="IOException">The file cannot be removed.</exception>
    public void Delete(string network, CniAttachment attachment)
    {
        if (PathOf(network, attachment, forWriting: false) is { } path)
            File.Delete(path);
        if (System.IO.Directory.Exists(_results))
            File.Delete(Aside(network, attachment)); // of a runtime that was killed
    }

    /// <summary>The attachments that the cache knows; files that cannot be read are left out, as are those of before 0.7, which do not say whose they are.</summary>
    /// <param name="network">Of this network only, or null.</param>
    /// <param name="containerId">Of this container only, or null.</param>
    /// <returns>The entries, by file name.</returns>
    public IReadOnlyList<CachedAttachment> List(string? network = null, string? containerId = null)
    {
        if (network is not null)
            Validation.NetworkName(network);
        List<CachedAttachment> entries = [];
        foreach (string path in Files(network is null ? "*" : $"{network}-*"))
        {
            if (TryReadFile(path) is not { NetworkName.Length: > 0 } entry)
                continue;
            if ((network is null || entry.NetworkName == network) && (containerId is null || entry.Attachment.ContainerId == containerId))
                entries.Add(entry);
        }

        return entries;
    }

    /// <summary>What <see cref="List"/> leaves out and may be the network's, by its file's name: <c>a-b-c-eth0</c> may be of the network a, a-b or a-b-c.</summary>
    /// <param name="network">The network.</param>
    /// <param name="but">Attachments whose entries do not matter.</param>
    /// <returns>An error for each file, which names it and the way out.</returns>
    internal List<CniException> Unreadable(string network, IReadOnlyList<CniAttachment> but)
    {
        const string WayOut = "whatever it was for is still there: DEL that container or, when it is gone for good, remove the file";
        string[] names = [.. but.Select(attachment => Name(network, attachment))];
        List<CniException> errors = [];
        foreach (string path in Files($"{network}-*").Where(path => !names.Contains(Path.GetFileName(path))))
        {
            try
            {
                if (ReadFile(path).NetworkName.Length == 0)
                    errors.Add(new(CniError.Internal, $"the cached result {path} does not say whose it is; {WayOut}"));
            }
            catch (CniException error)
            {
                if (File.Exists(path)) // else a DEL was faster
                    errors.Add(new(error.Code, $"{error.Message}; {WayOut}", inner: error));
            }
        }

        return errors;
    }

    /// <summary>Notes an attachment whose ADD is about to begin. A result that is there already stays until a plugin returned a new one.</summary>
    internal void Begin(NetworkList list, Attachment attachment)
    {
        if (PathOf(list.Name, attachment.Id, forWriting: false) is not { } path || TryReadFile(path) is null)
            Write(list, attachment, result: null, complete: false);
    }

    internal void Write(NetworkList list, Attachment attachment, CniResult? result, bool complete)
    {
        ArgumentNullException.ThrowIfNull(list);
        ArgumentNullException.ThrowIfNull(attachment);
        EnsureDirectory();
        string path = PathOf(list.Name, attachment.Id, forWriting: true)!;

        // Never half of it to be seen, whenever we are killed.
        string temporary = Aside(list.Name, attachment.Id);
        FileStreamOptions options = new() { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = OwnerOnly };
        try
        {
            using (FileStream file = new(temporary, options))
                file.Write(CacheEntry.Write(list, attachment, result, complete).Span);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception)
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>The file of <see cref="CacheLock"/>.</summary>
    internal string LockFile()
    {
        EnsureDirectory();
        return Path.Combine(Directory, "patchbay.lock");
    }

    private void EnsureDirectory() => System.IO.Directory.CreateDirectory(_results, OwnerOnly | UnixFileMode.UserExecute);

    private string? PathOf(string network, CniAttachment attachment, bool forWriting)
    {
        Validation.NetworkName(network);
        Validation.ContainerId(attachment.ContainerId);
        Validation.InterfaceName(attachment.IfName);
        string name = Name(network, attachment);
        string hash = Hash(network, attachment);
        string plain = Path.Combine(_results, name);
        string hashed = Path.Combine(_results, $"{(name.Length < LongestStem ? name : name[..LongestStem])}-{hash}");
        if (File.Exists(hashed))
            return hashed;
        if (Encoding.UTF8.GetByteCount(name) > LongestName)
            return forWriting ? hashed : null;
        if (!File.Exists(plain))
            return forWriting ? plain : null;

        // Only an entry that plainly is another attachment's makes way: a corrupt file, or one of before 0.7, is taken as ours.
        if (TryReadFile(plain) is not { } entry || entry.NetworkName.Length == 0 || (entry.NetworkName == network && entry.Attachment.Id == attachment))
            return plain;
        return forWriting ? hashed : null;
    }

    // Entries alone: what a killed runtime left of a file that it was writing begins with a dot.
    private IEnumerable<string> Files(string pattern) => System.IO.Directory.Exists(_results)
        ? System.IO.Directory.EnumerateFiles(_results, pattern).Where(path => !Path.GetFileName(path).StartsWith('.')).Order(StringComparer.Ordinal)
        : [];

    private static string Name(string network, CniAttachment attachment) => $"{network}-{attachment.ContainerId}-{attachment.IfName}";

    // One writer at a time (CacheLock). No network's name begins with a dot.
    private string Aside(string network, CniAttachment attachment) => Path.Combine(_results, $".new-{Hash(network, attachment)}");

    private static string Hash(string network, CniAttachment attachment) =>
        CacheLock.Hash($"{network}\0{attachment.ContainerId}\0{attachment.IfName}").ToString("x16", CultureInfo.InvariantCulture);

    private static CachedAttachment? TryReadFile(string path)
    {
        try
        {
            return ReadFile(path);
        }
        catch (CniException)
        {
            return null; // told where its content is needed: Read
        }
    }

    private static CachedAttachment ReadFile(string path)
    {
        try
        {
            return CacheEntry.Read(File.ReadAllBytes(path));
        }
        catch (Exception error) when (error is JsonException or CniException or IOException or UnauthorizedAccessException or FormatException)
        {
            throw new CniException(CniError.Internal, $"cannot read the cached result {path}: {error.Message}", inner: error);
        }
    }
}
