using Patchbay.Cni.Model;

namespace Patchbay.Cni.Plugin;

/// <summary>Finds plugins in CNI_PATH.</summary>
internal static class PluginFinder
{
    /// <summary>The first regular file of that name in the directories.</summary>
    internal static string Find(string type, IReadOnlyList<string> directories, Func<string, FileIdentity?> identify)
    {
        Validation.PluginType(type);
        if (directories.Count == 0)
            throw new CniException(CniError.Internal, $"failed to find plugin \"{type}\": no paths provided (CNI_PATH is empty)");
        foreach (string directory in directories)
        {
            string path = Path.Combine(directory, type);
            if (identify(path) is { IsRegular: true })
                return path;
        }

        throw new CniException(CniError.Internal, $"failed to find plugin \"{type}\" in path [{string.Join(' ', directories)}]");
    }
}
