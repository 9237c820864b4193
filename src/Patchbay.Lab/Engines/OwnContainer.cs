namespace Patchbay.Lab.Engines;

/// <summary>The container in which this very process runs, if any: a lab that is a service of a compose file learns its project from its own labels.</summary>
internal static class OwnContainer
{
    private const int IdLength = 64;

    /// <summary>The engine's id of the container; null outside of one, or of an engine that mounts nothing of its own.</summary>
    public static string? FindId() => IdIn(File.ReadLines("/proc/self/mountinfo"));

    /// <summary>The id in a mount table (proc(5), mountinfo): engines mount files such as /etc/hosts from a directory that is named by it.</summary>
    /// <remarks>Docker: /var/lib/docker/containers/ID/hosts; Podman: …/overlay-containers/ID/userdata/hosts.</remarks>
    internal static string? IdIn(IEnumerable<string> mounts)
    {
        foreach (var line in mounts)
        {
            // 645 620 254:1 /var/lib/docker/containers/0123…/hosts /etc/hosts rw,relatime - ext4 /dev/vda1 rw
            if (line.Split(' ') is not [_, _, _, var source, "/etc/hosts" or "/etc/hostname" or "/etc/resolv.conf", ..])
                continue;
            var directories = source.Split('/');
            for (var i = 1; i < directories.Length; i++)
            {
                if (directories[i - 1].EndsWith("containers", StringComparison.Ordinal) && directories[i].Length == IdLength && directories[i].All(char.IsAsciiHexDigitLower))
                    return directories[i];
            }
        }

        return null;
    }
}
