using System.Globalization;
using Patchbay.Netlink;

namespace Patchbay.Lab.Wiring;

/// <summary>The network namespaces of this machine that can be found: those that have a name or a process.</summary>
internal static class KnownNamespaces
{
    /// <summary>All of them, once each; the process's own is the first.</summary>
    /// <param name="except">Paths of those to leave out.</param>
    public static List<(string Node, string Path)> List(IReadOnlyCollection<string> except)
    {
        var seen = new HashSet<ulong>();
        var found = new List<(string, string)>();
        foreach (var path in except)
        {
            if (Libc.InodeOf(path) is { } inode)
                seen.Add(inode);
        }

        foreach (var path in Paths())
        {
            if (Libc.InodeOf(path) is { } inode && seen.Add(inode))
                found.Add((path, path));
        }

        return found;
    }

    /// <summary>The path of one by its inode; null where there is none.</summary>
    public static string? Find(ulong inode) => Paths().FirstOrDefault(path => Libc.InodeOf(path) == inode);

    private static IEnumerable<string> Paths()
    {
        yield return "/proc/self/ns/net";
        if (Directory.Exists(NamedNamespace.Directory))
        {
            foreach (var path in Directory.EnumerateFiles(NamedNamespace.Directory))
                yield return path;
        }

        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out _))
                yield return $"{directory}/ns/net";
        }
    }
}
