using System.Runtime.InteropServices;
using Patchbay.Cni.Model;
using Patchbay.Netlink;

namespace Patchbay.Plugins.Meta.Tuning;

/// <summary>Whether a backup could be written, for STATUS.</summary>
internal static partial class DataDirectory
{
    private const int WriteAndSearch = 2 | 1; // W_OK and X_OK, access(2)

    /// <summary>The directory, or the nearest one above it that exists, must be writable; root too may not write to a read-only file system.</summary>
    /// <exception cref="CniException">Code 50: it is not.</exception>
    internal static void RequireWritable(string directory)
    {
        for (var path = directory; ; path = Path.GetDirectoryName(path)!)
        {
            if (access(path, WriteAndSearch) == 0)
                return;
            var error = (Errno)Marshal.GetLastPInvokeError();
            if (error != Errno.NotFound || path == "/")
                throw new CniException(CniError.PluginNotAvailable, $"cannot write to {directory}: {error.Describe()}{(path == directory ? "" : $" ({path})")}");
        }
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int access(string path, int mode);
}
