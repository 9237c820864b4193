using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Patchbay.Cni.Plugin;
using Libc = Patchbay.Plugins.Tools.NetRun.Libc;

namespace Patchbay.Plugins.Meta.Wrapper;

/// <summary>A file that programs rewrite one at a time, by flock(2) on it; a new text takes the place of the old at once.</summary>
internal sealed class LockedFile : IDisposable
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const int O_RDWR = 2;

    private readonly SafeFileHandle _file;

    private LockedFile(string path, SafeFileHandle file) => (Path, _file) = (path, file);

    internal string Path { get; }

    /// <summary>Makes the file and its directory if they are missing, and waits for the lock.</summary>
    /// <exception cref="IOException">There can be no such file.</exception>
    internal static LockedFile Open(string path)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!, OwnerOnly | UnixFileMode.UserExecute);
        while (true)
        {
            var file = OpenUnlocked(path, O_RDWR | Libc.O_CREAT);
            try
            {
                while (Libc.flock(file, Libc.LOCK_EX) < 0)
                {
                    if (Marshal.GetLastPInvokeError() != Libc.EINTR)
                        throw Failed("lock", path);
                }

                // Whoever had the lock before may have put a new file in the place of the one that we opened.
                if (FileIdentity.Of($"/proc/self/fd/{file.DangerousGetHandle()}") == FileIdentity.Of(path))
                {
                    CleanUp(path);
                    return new LockedFile(path, file);
                }
            }
            catch
            {
                file.Dispose();
                throw;
            }

            file.Dispose();
        }
    }

    /// <summary>The text of the file; empty for one that was just made.</summary>
    internal byte[] Read()
    {
        var text = new byte[RandomAccess.GetLength(_file)];
        return text[..RandomAccess.Read(_file, text, 0)];
    }

    /// <summary>Gives the file a new text.</summary>
    internal void Write(ReadOnlySpan<byte> text) => Replace(Path, text, null);

    /// <summary>Gives any file a new text, at once or not at all; one at a time.</summary>
    /// <param name="path">The file.</param>
    /// <param name="text">The text.</param>
    /// <param name="owner">Whose the file is; null for the process's own user.</param>
    internal static void Replace(string path, ReadOnlySpan<byte> text, FileOwner? owner) => Prepare(path, text, owner)();

    /// <summary>Does all of a <see cref="Replace"/> that may fail for want of room.</summary>
    /// <returns>Does the rest.</returns>
    internal static Action Prepare(string path, ReadOnlySpan<byte> text, FileOwner? owner)
    {
        var aside = Aside(path);
        try
        {
            using (var file = new FileStream(aside, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, BufferSize = 0, UnixCreateMode = OwnerOnly }))
                file.Write(text);
            owner?.Take(aside);
        }
        catch
        {
            File.Delete(aside);
            throw;
        }

        return () =>
        {
            try
            {
                File.Move(aside, path, overwrite: true);
            }
            catch // there may be a directory of that name
            {
                File.Delete(aside);
                throw;
            }
        };
    }

    /// <summary>Removes what a <see cref="Replace"/> that was killed left.</summary>
    internal static void CleanUp(string path) => File.Delete(Aside(path));

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static string Aside(string path) => $"{path}.new";

    // .NET would take a lock of its own, and fail instead of waiting, however the file is shared.
    private static SafeFileHandle OpenUnlocked(string path, int flags)
    {
        var fd = Libc.openat(Libc.AT_FDCWD, path, flags | Libc.O_CLOEXEC, (uint)OwnerOnly);
        return fd < 0 ? throw Failed("open", path) : new SafeFileHandle(fd, ownsHandle: true);
    }

    private static IOException Failed(string operation, string path) => new($"cannot {operation} {path}: {Marshal.GetLastPInvokeErrorMessage()}");
}
