using System.Globalization;
using System.Text;
using Patchbay.Netlink;

namespace Patchbay.Lab.Wiring;

/// <summary>Processes inside of a lab's namespaces: those that the lab started, and what they started, have a variable that says so.</summary>
internal static class NodeProcesses
{
    /// <summary>The variable; its value is the lab's name.</summary>
    public const string Variable = "PATCHBAY_LAB";

    /// <summary>Ends what the lab started in a namespace and removes its name; who else is inside keeps the namespace until it ends.</summary>
    public static void RemoveNamespace(string name, string lab)
    {
        End(lab, [name]);
        Loans.ReturnFrom(NamedNamespace.PathOf(name), new Plan.Ownership(lab));
        NamedNamespace.Remove(name);
    }

    /// <summary>Ends the lab's processes in some namespaces.</summary>
    /// <returns>Others that are in there, as texts.</returns>
    public static IReadOnlyList<string> End(string lab, IReadOnlyList<string> namespaces)
    {
        var inodes = new HashSet<ulong>();
        foreach (var name in namespaces)
        {
            if (Libc.InodeOf(NamedNamespace.PathOf(name)) is { } inode)
                inodes.Add(inode);
        }

        var strangers = new List<string>();
        if (inodes.Count == 0)
            return strangers;
        var ours = new List<int>();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) || pid == Environment.ProcessId)
                continue;
            if (Libc.InodeOf($"{directory}/ns/net") is not { } inode || !inodes.Contains(inode))
                continue;
            if (Belongs(pid, lab))
                ours.Add(pid);
            else
                strangers.Add($"process {pid} ({NameOf(pid)})");
        }

        ProcessEnd.Of(ours);
        return strangers;
    }

    private static bool Belongs(int pid, string lab)
    {
        try
        {
            var environment = File.ReadAllBytes($"/proc/{pid}/environ");
            return Encoding.UTF8.GetString(environment).Split('\0').Contains($"{Variable}={lab}");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false; // it has ended
        }
    }

    private static string NameOf(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/comm").TrimEnd('\n');
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "ended";
        }
    }
}
