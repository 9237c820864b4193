using Patchbay.Cni.Model;
using Libc = Patchbay.Plugins.Ipam.HostLocal.Libc;

namespace Patchbay.Plugins.Meta.Flannel;

/// <summary>Whether attachments could be noted.</summary>
internal static class StateDirectory
{
    /// <summary>Looks at the directory, or at the nearest one above it that exists; writes nothing.</summary>
    /// <param name="directory">The directory.</param>
    /// <param name="problem">What cannot be done otherwise, for the error; null for what flannel does.</param>
    /// <exception cref="CniException">Code 50: files cannot be made there.</exception>
    internal static void RequireWritable(string directory, string? problem = null)
    {
        var path = Path.GetFullPath(directory);
        while (!Directory.Exists(path) && Path.GetDirectoryName(path) is { } parent)
        {
            if (File.Exists(path))
                throw Unavailable($"{path} is not a directory");
            path = parent;
        }

        var error = Libc.Access(path, Libc.W_OK | Libc.X_OK);
        if (error != 0)
            throw Unavailable(Libc.Failure($"{path} is not writable", error).Message);

        CniException Unavailable(string why) => new(CniError.PluginNotAvailable, $"{problem ?? $"flannel: attachments cannot be noted in \"{directory}\" (dataDir)"}: {why}");
    }
}
