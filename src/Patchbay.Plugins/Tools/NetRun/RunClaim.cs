using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Tools.NetRun;

/// <summary>Tells other runs that somebody looks after a run: a socket with its name, which is gone with the process that has it, however that ends.</summary>
/// <remarks>The name is abstract (unix(7)): it leaves no file, and counts in the host's network namespace, as what the run makes there does.</remarks>
internal sealed unsafe class RunClaim : IDisposable
{
    private const int LongestPath = 108; // UNIX_PATH_MAX

    private readonly SafeFileHandle _socket;

    private RunClaim(SafeFileHandle socket) => _socket = socket;

    /// <summary>Takes charge of a run.</summary>
    /// <param name="id">The run.</param>
    /// <returns>Null when another process has it.</returns>
    internal static RunClaim? Take(string id)
    {
        int fd = Libc.socket(Libc.AF_UNIX, Libc.SOCK_DGRAM | Libc.SOCK_CLOEXEC, 0);
        if (fd < 0)
            throw Failed("open a socket");
        SafeFileHandle socket = new(fd, ownsHandle: true);

        // struct sockaddr_un: the family, then a zero before a name that is none of a file
        byte* address = stackalloc byte[sizeof(ushort) + LongestPath];
        *(ushort*)address = Libc.AF_UNIX;
        address[sizeof(ushort)] = 0;
        int length = sizeof(ushort) + 1 + Encoding.UTF8.GetBytes($"patchbay/{id}", new Span<byte>(address + sizeof(ushort) + 1, LongestPath - 1));
        if (Libc.bind(socket, address, (uint)length) == 0)
            return new RunClaim(socket);
        int error = Marshal.GetLastPInvokeError();
        socket.Dispose();
        return error == Libc.EADDRINUSE ? null : throw new CniException(CniError.IoFailure, $"cannot bind a socket: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private static CniException Failed(string operation) => new(CniError.IoFailure, $"cannot {operation}: {Marshal.GetLastPInvokeErrorMessage()}");
}
