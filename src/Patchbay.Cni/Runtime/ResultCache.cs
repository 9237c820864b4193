using System.Globalization;
using System.Text;
using System.Text.Json;
using Patchbay.Cni.Model;

namespace Patchbay.Cni.Runtime;

/// <summary>Keeps the result of each attachment, in the files that other runtimes use: <c>DIR/results/NETWORK-CONTAINER-IFNAME</c>.</summary>
/// <remarks>
/// All three parts may contain <c>-</c>, so two attachments can want one name. The second then gets a name with a hash at its end,
/// and a file counts only when what it holds says that it is the attachment's.
/// </remarks>
public sealed class ResultCache
{
    /// <summary>Where every runtime keeps it.</summary>
    public const string DefaultDirectory = "/var/lib/cni";

    private const string Kind = "cniCacheV1";
    private readonly string _results;

    /// <summary>Creates the cache; the directory is made at the first write.</summary>
    /// <param name="directory">The directory above <c>results</c>.</param>
    public ResultCache(string directory = DefaultDirectory) => _results = Path.Combine(directory, "results");

    /// <summary>Writes the entry of an attachment, in place of an older one.</summary>
    /// <param name="list">The network.</param>
    /// <param name="attachment">What the runtime told.</param>
    /// <param name="result">What the chain returned so far.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public void Write(NetworkList list, Attachment attachment, CniResult result)
    {
        ArgumentNullException.ThrowIfNull(list);
        ArgumentNullException.ThrowIfNull(attachment);
        ArgumentNullException.ThrowIfNull(result);
        Directory.CreateDirectory(_results, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        string path = PathOf(list.Name, attachment.Id, forWriting: true)!;
        string temporary = Path.Combine(_results, string.Create(CultureInfo.InvariantCulture, $".{Path.GetFileName(path)}.{Environment.ProcessId}")); // no network's name begins with a dot
        FileStreamOptions options = new()
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        };
        using (FileStream file = new(temporary, options))
            file.Write(Entry(list, attachment, result).Span);
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Reads the entry of an attachment.</summary>
    /// <param name="network">The network.</param>
    /// <param name="attachment">Container and interface.</param>
    /// <returns>The entry, or null when there is none.</returns>
    /// <exception cref="CniException">Code 999: the file is corrupt; the text names it.</exception>
    public CachedAttachment? Read(string network, CniAttachment attachment) => PathOf(network, attachment, forWriting: false) is { } path ? ReadFile(path) : null;

    /// <summary>Removes the entry of an attachment; a missing one is no error.</summary>
    /// <param name="network">The network.</param>
    /// <param name="attachment">Container and interface.</param>
    public void Delete(string network, CniAttachment attachment)
    {
        if (PathOf(network, attachment, forWriting: false) is { } path)
            File.Delete(path);
    }

    /// <summary>All attachments of a network; files that cannot be read are left out, as are those of before 0.7, which do not say whose they are.</summary>
    /// <param name="network">The network.</param>
    /// <returns>The entries, by file name.</returns>
    public IReadOnlyList<CachedAttachment> List(string network)
    {
        Validation.NetworkName(network);
        List<CachedAttachment> entries = [];
        if (!Directory.Exists(_results))
            return entries;
        foreach (string path in Directory.EnumerateFiles(_results, $"{network}-*").Order(StringComparer.Ordinal))
            if (TryReadFile(path) is { } entry && entry.NetworkName == network)
                entries.Add(entry);
        return entries;
    }

    private string? PathOf(string network, CniAttachment attachment, bool forWriting)
    {
        Validation.NetworkName(network);
        Validation.ContainerId(attachment.ContainerId);
        Validation.InterfaceName(attachment.IfName);
        string plain = Path.Combine(_results, $"{network}-{attachment.ContainerId}-{attachment.IfName}");
        string hashed = string.Create(CultureInfo.InvariantCulture, $"{plain}-{Fnv1a($"{network}\0{attachment.ContainerId}\0{attachment.IfName}"):x16}");
        if (File.Exists(hashed))
            return hashed;
        if (!File.Exists(plain))
            return forWriting ? plain : null;

        // Only an entry that plainly is another attachment's makes way: a corrupt file, or one of before 0.7, is taken as ours.
        if (TryReadFile(plain) is not { } entry || entry.NetworkName.Length == 0 || (entry.NetworkName == network && entry.Attachment.Id == attachment))
            return plain;
        return forWriting ? hashed : null;
    }

    private static ReadOnlyMemory<byte> Entry(NetworkList list, Attachment attachment, CniResult result) => JsonText.Write(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("kind"u8, Kind);
        writer.WriteString("containerId"u8, attachment.ContainerId);
        writer.WriteBase64String("config"u8, list.Json.Span);
        writer.WriteString("ifName"u8, attachment.IfName);
        writer.WriteString("networkName"u8, list.Name);
        writer.WriteString("netns"u8, attachment.NetnsPath);
        if (attachment.Args.Count > 0)
        {
            writer.WriteStartArray("cniArgs"u8);
            foreach ((string key, string value) in attachment.Args)
            {
                writer.WriteStartArray();
                writer.WriteStringValue(key);
                writer.WriteStringValue(value);
                writer.WriteEndArray();
            }

            writer.WriteEndArray();
        }

        if (attachment.CapabilityArgs.Count > 0)
        {
            writer.WriteStartObject("capabilityArgs"u8);
            foreach ((string name, JsonElement value) in attachment.CapabilityArgs)
                JsonText.Raw(writer, name, value);
            writer.WriteEndObject();
        }

        writer.WritePropertyName("result"u8);
        result.Write(writer, list.Version);
        writer.WriteEndObject();
    });

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
            ReadOnlyMemory<byte> json = File.ReadAllBytes(path);
            JsonView root = JsonView.Parse(json, "cached result");
            if (root.String("kind") != Kind)
                return new CachedAttachment("", new Attachment { ContainerId = "", IfName = "" }, default, CniResult.Parse(json, SpecVersion.V010));

            Dictionary<string, JsonElement> capabilities = new(StringComparer.Ordinal);
            if (root.Object("capabilityArgs") is { } args)
                foreach ((string name, JsonView value) in args.Pairs())
                    capabilities[name] = value.Element;
            Attachment attachment = new()
            {
                ContainerId = root.String("containerId") ?? "",
                IfName = root.String("ifName") ?? "",
                NetnsPath = root.String("netns") ?? "",
                Args = [.. (root.Array("cniArgs") ?? []).Select(Pair)],
                CapabilityArgs = capabilities,
            };
            byte[] config = Convert.FromBase64String(root.String("config") ?? "");
            return new CachedAttachment(root.String("networkName") ?? "", attachment, config, Result(root, config));
        }
        catch (Exception error) when (error is JsonException or CniException or IOException or UnauthorizedAccessException or FormatException)
        {
            throw new CniException(CniError.Internal, $"cannot read the cached result {path}: {error.Message}", inner: error);
        }
    }

    private static CniResult? Result(JsonView root, ReadOnlyMemory<byte> config)
    {
        if (root.Object("result") is not { } view)
            return null;
        string? own = view.String("cniVersion");
        SpecVersion version = !string.IsNullOrEmpty(own) ? SpecVersion.Parse(own)
            : config.IsEmpty ? SpecVersion.V010
            : SpecVersion.Parse(JsonView.Parse(config, "cached configuration").String("cniVersion"));
        return CniResult.Read(view, version);
    }

    private static KeyValuePair<string, string> Pair(JsonView view) => view.AsArray() is [var key, var value]
        ? new(key.AsString(), value.AsString())
        : throw view.Error("must be a list of key and value");

    // FNV-1a of 64 bits: short, stable, and nobody attacks a cache that only root can write.
    private static ulong Fnv1a(string text)
    {
        ulong hash = 0xcbf29ce484222325;
        foreach (byte b in Encoding.UTF8.GetBytes(text))
            hash = (hash ^ b) * 0x100000001b3;
        return hash;
    }
}
