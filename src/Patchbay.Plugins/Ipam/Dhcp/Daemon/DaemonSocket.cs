using System.Globalization;
using Microsoft.Win32.SafeHandles;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Ipam.Dhcp.Daemon;

/// <summary>The socket on which the daemon listens: its own, or one that systemd passes (sd_listen_fds(3)).</summary>
internal sealed unsafe class DaemonSocket : IDisposable
{
    private const int FirstPassed = 3; // SD_LISTEN_FDS_START
    private const int Backlog = 4096;
    private const uint OwnerOnly = 0x7f; // umask 0177: mode 0600

    private readonly string? _path;

    private DaemonSocket(SafeFileHandle handle, string? path) => (Handle, _path) = (handle, path);

    internal SafeFileHandle Handle { get; }

    /// <summary>How many sockets systemd passed to this process.</summary>
    /// <exception cref="IOException">Not one.</exception>
    internal static bool IsPassed(PluginEnvironment environment)
    {
        if (environment.Variable("LISTEN_PID") != Environment.ProcessId.ToString(CultureInfo.InvariantCulture))
            return false;
        return environment.Variable("LISTEN_FDS") switch
        {
            null or "" or "0" => false,
            "1" => true,
            var count => throw new IOException($"systemd passed {count} sockets, and dhcp daemon serves one: the socket unit must have one ListenStream="),
        };
    }

    /// <summary>Takes the socket that systemd passed. It is systemd's: it stays when we end.</summary>
    internal static DaemonSocket Passed() => new(new SafeFileHandle(FirstPassed, ownsHandle: true), null);

    /// <summary>Refuses a path that is not ours to take.</summary>
    /// <exception cref="IOException">A daemon answers there, or something else than a socket is there.</exception>
    internal static void RequireFree(string path)
    {
        if (FileIdentity.Of(path) is not { } file)
            return;
        if (file.IsRegular || Directory.Exists(path))
            throw new IOException($"cannot listen on {path}: it exists and is no socket; remove it, or choose another -socketpath");
        var address = Libc.UnixAddress(path);
        using var probe = Libc.Socket(Libc.AF_UNIX, Libc.SOCK_STREAM | Libc.SOCK_NONBLOCK, 0, "open a socket");
        if (Libc.connect(probe, &address, (uint)sizeof(Libc.SockAddrUnix)) == 0 || Libc.LastError is not (Libc.ECONNREFUSED or Libc.ENOENT))
            throw new IOException($"cannot listen on {path}: a daemon answers there already; end it, or choose another -socketpath");
    }

    /// <summary>Listens on a path, in place of a socket that a killed daemon left.</summary>
    /// <exception cref="IOException">It cannot be used.</exception>
    internal static DaemonSocket Listen(string path)
    {
        RequireFree(path);
        var address = Libc.UnixAddress(path);
        try
        {
            if (Path.GetDirectoryName(path) is { Length: > 0 } directory)
                Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            File.Delete(path);
        }
        catch (UnauthorizedAccessException error)
        {
            throw new IOException($"cannot listen on {path}: {error.Message}", error);
        }

        var socket = Libc.Socket(Libc.AF_UNIX, Libc.SOCK_STREAM | Libc.SOCK_NONBLOCK, 0, "open a socket");
        try
        {
            uint before = Libc.umask(OwnerOnly);
            int bound = Libc.bind(socket, &address, (uint)sizeof(Libc.SockAddrUnix));
            int error = Libc.LastError;
            _ = Libc.umask(before);
            if (bound < 0)
                throw Libc.Failure($"listen on {path}", error);
            if (Libc.listen(socket, Backlog) < 0)
                throw Libc.Failure($"listen on {path}");
            return new DaemonSocket(socket, path);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        // Removed before it is closed: who comes now finds none rather than one that refuses.
        if (_path is not null)
            File.Delete(_path);
        Handle.Dispose();
    }
}
