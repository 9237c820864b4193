using System.Text;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Plugins.Naming;

namespace Patchbay.Plugins.Meta.Flannel;

/// <summary>What an attachment was made with: the delegate's configuration, in a file of the directory <c>dataDir</c>.</summary>
/// <remarks>
/// The reference plugin's file is named by the container alone. The first attachment of a container takes that name and notes its interface inside,
/// so that either side removes what the other made; a further one has a file of its own, <c>CONTAINER:INTERFACE</c>. A colon is in no container id.
/// </remarks>
internal sealed class StateFile
{
    /// <summary>The key that tells whose the file is. Delegates overlook it, as they do all keys that they do not know.</summary>
    internal const string InterfaceKey = "patchbay.ifName";

    private const string TemporaryPrefix = ":new-"; // no container id begins so
    private const int LongestName = 255; // NAME_MAX

    private readonly byte[] _content;

    private StateFile(string path, byte[] content, JsonView? made, string? ifName)
    {
        Path = path;
        _content = content;
        Made = made;
        IfName = ifName;
    }

    internal string Path { get; }

    /// <summary>The delegate's configuration; null when the file holds something else, as after a crash of the machine.</summary>
    internal JsonView? Made { get; }

    /// <summary>The interface in the container; null when the reference plugin wrote the file.</summary>
    internal string? IfName { get; }

    /// <summary>The network of the attachment; null when it cannot be read.</summary>
    internal string? Network => Text("name");

    internal string? DelegateType => Text("type");

    /// <summary>The file of an attachment; null when there is none.</summary>
    internal static StateFile? Find(string directory, PluginRequest request)
    {
        if (Read(OwnPath(directory, request)) is { } own)
            return own;
        var shared = Read(SharedPath(directory, request));
        return shared is not null && shared.MayBeOf(request) ? shared : null;
    }

    /// <summary>Writes the file of an attachment, at once or not at all.</summary>
    /// <returns>The file.</returns>
    internal static string Write(string directory, PluginRequest request, NetworkConfig made)
    {
        // As the reference plugin does: nobody else's business.
        Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return Write(directory, DelegateConfig.With(made, InterfaceKey, request.IfName).Span, temporary => Place(temporary, directory, request));
    }

    /// <summary>Writes the file as it was read, after something else has taken its place.</summary>
    internal void PutBack() => Write(System.IO.Path.GetDirectoryName(Path)!, _content, temporary =>
    {
        File.Move(temporary, Path, overwrite: true);
        return Path;
    });

    /// <summary>All files of a directory; those that a crash left half written are removed.</summary>
    internal static IReadOnlyList<StateFile> All(string directory)
    {
        var files = new List<StateFile>();
        if (!Directory.Exists(directory))
            return files;
        foreach (var path in Directory.GetFiles(directory))
        {
            if (System.IO.Path.GetFileName(path).StartsWith(TemporaryPrefix, StringComparison.Ordinal))
                File.Delete(path);
            else if (Read(path) is { } file)
                files.Add(file);
        }

        return files;
    }

    /// <summary>Whether the file is an attachment's. One of the reference plugin tells no interface: any of the container's keeps it.</summary>
    internal bool IsOf(CniAttachment attachment)
    {
        var name = System.IO.Path.GetFileName(Path);
        return name == OwnName(attachment.ContainerId, attachment.IfName) || (name == attachment.ContainerId && (IfName is null || IfName == attachment.IfName));
    }

    /// <summary>The container, by the file's name; empty for one whose name is too long for a file's.</summary>
    internal string ContainerId
    {
        get
        {
            var name = System.IO.Path.GetFileName(Path);
            var colon = name.IndexOf(':', StringComparison.Ordinal);
            return colon < 0 ? name : name[..colon];
        }
    }

    internal void Remove() => File.Delete(Path);

    private static string Write(string directory, ReadOnlySpan<byte> content, Func<string, string> place)
    {
        var temporary = System.IO.Path.Combine(directory, $"{TemporaryPrefix}{Random.Shared.NextInt64():x16}");
        try
        {
            using (var file = new FileStream(temporary, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                BufferSize = 0,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }))
                file.Write(content);
            return place(temporary);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    // The name is taken by whoever comes first; what is there is replaced only if it is this attachment's.
    private static string Place(string temporary, string directory, PluginRequest request)
    {
        var shared = SharedPath(directory, request);
        try
        {
            File.Move(temporary, shared);
            return shared;
        }
        catch (IOException) when (File.Exists(shared))
        {
            var path = Read(shared) is { } there && there.IfName == request.IfName && there.MayBeOf(request) ? shared : OwnPath(directory, request);
            File.Move(temporary, path, overwrite: true);
            return path;
        }
    }

    private bool MayBeOf(PluginRequest request) => (IfName is null || IfName == request.IfName) && (Network is null || Network == request.Config.Name);

    private static string SharedPath(string directory, PluginRequest request) => System.IO.Path.Combine(directory, request.ContainerId);

    private static string OwnPath(string directory, PluginRequest request) => System.IO.Path.Combine(directory, OwnName(request.ContainerId, request.IfName));

    private static string OwnName(string containerId, string ifName)
    {
        var name = $"{containerId}:{ifName}";
        return Encoding.UTF8.GetByteCount(name) <= LongestName ? name : NameHash.Cut(":", name, 65);
    }

    private static StateFile? Read(string path)
    {
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }

        try
        {
            var made = JsonView.Parse(bytes, "state file");
            if (made.String("name") is { Length: > 0 } && made.String("type") is { Length: > 0 })
                return new StateFile(path, bytes, made, made.String(InterfaceKey));
        }
        catch (Exception error) when (error is JsonException or CniException)
        {
        }

        return new StateFile(path, bytes, null, null);
    }

    private string? Text(string key) => Made?.String(key);
}
