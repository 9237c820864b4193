using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Patchbay.Cni.Interop;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Cni.Runtime;

/// <summary>Keeps the runtimes that share a cache from working on one attachment at once, and GC from running beside ADD and DEL of its network.</summary>
/// <remarks>
/// Byte-range locks on one file (fcntl(2), "Open file description locks"): the kernel drops them when their holder ends, however it
/// ends. A network is an odd byte, an attachment an even one, both chosen by hash; two that share a byte wait for one another and come to no
/// other harm. Whoever is the last to leave removes the file; one that was opened before that is recognised by its inode.
/// </remarks>
internal sealed class CacheLock : IDisposable
{
    private const int FirstPause = 1, LongestPause = 50; // milliseconds
    private readonly string _path;
    private readonly SafeFileHandle _file;

    private CacheLock(string path, SafeFileHandle file)
    {
        _path = path;
        _file = file;
    }

    /// <summary>Waits until the attachment is free.</summary>
    /// <param name="path">The file of locks; made when missing.</param>
    /// <param name="network">The network, shared with operations on its other attachments.</param>
    /// <param name="attachment">Container and interface.</param>
    /// <param name="deadline">How long to wait.</param>
    internal static CacheLock OfAttachment(string path, string network, CniAttachment attachment, Deadline deadline) =>
        Take(path, deadline, (ByteOfNetwork(network), Libc.F_RDLCK), (Byte($"{network}\0{attachment.ContainerId}\0{attachment.IfName}"), Libc.F_WRLCK));

    /// <summary>Waits until nobody works on any attachment of the network.</summary>
    internal static CacheLock OfNetwork(string path, string network, Deadline deadline) => Take(path, deadline, (ByteOfNetwork(network), Libc.F_WRLCK));

    public void Dispose()
    {
        using (_file)
            if (Try(_file, 0, Libc.F_WRLCK, length: 0)) // all of it: nobody else holds a lock
                File.Delete(_path);
    }

    private static CacheLock Take(string path, Deadline deadline, params ReadOnlySpan<(long Byte, short Type)> locks)
    {
        while (true)
        {
            SafeFileHandle file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            try
            {
                foreach ((long at, short type) in locks)
                    for (int pause = FirstPause; !Try(file, at, type, length: 1); pause = Math.Min(2 * pause, LongestPause))
                        deadline.Sleep(pause);
                if (FileIdentity.Of(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{file.DangerousGetHandle()}")) == FileIdentity.Of(path))
                    return new CacheLock(path, file);
            }
            catch (Exception)
            {
                file.Dispose();
                throw;
            }

            file.Dispose(); // it was removed between the opening and the locking
        }
    }

    private static unsafe bool Try(SafeFileHandle file, long at, short type, long length)
    {
        Libc.FileLock range = new() { Type = type, Start = at, Length = length };
        if (Libc.fcntl(file, Libc.F_OFD_SETLK, &range) == 0)
            return true;
        int error = Marshal.GetLastPInvokeError();
        return error is Libc.EAGAIN or Libc.EACCES or Libc.EINTR ? false : throw new IOException($"cannot lock: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    private static long ByteOfNetwork(string network) => Byte(network) | 1;

    private static long Byte(string text) => (long)(Hash(text) >> 2) & ~1L;

    /// <summary>FNV-1a of 64 bits: short, stable, and nobody attacks a cache that only root can write.</summary>
    internal static ulong Hash(string text)
    {
        ulong hash = 0xcbf29ce484222325;
        foreach (byte b in Encoding.UTF8.GetBytes(text))
            hash = (hash ^ b) * 0x100000001b3;
        return hash;
    }
}
