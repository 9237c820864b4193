using System.Net.Sockets;

namespace Patchbay.Lab;

/// <summary>Sockets that are files, unix(7).</summary>
internal static class UnixSocket
{
    // sockaddr_un's sun_path, with the zero at its end
    private const int LongestPath = 107;

    /// <summary>Makes a socket, not connected yet.</summary>
    public static Socket Create() => new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);

    /// <summary>The address of a path.</summary>
    /// <exception cref="IOException">It is too long for one.</exception>
    public static UnixDomainSocketEndPoint At(string path) => System.Text.Encoding.UTF8.GetByteCount(path) is > 0 and <= LongestPath
        ? new UnixDomainSocketEndPoint(path)
        : throw new IOException($"\"{path}\" can be no socket: the path of one has 1 to {LongestPath} bytes");

    /// <summary>Connects with who listens at a path.</summary>
    /// <exception cref="SocketException">Nobody does.</exception>
    /// <exception cref="IOException">The path is too long.</exception>
    public static async Task<Socket> ConnectAsync(string path, CancellationToken cancellation)
    {
        var connection = Create();
        try
        {
            await connection.ConnectAsync(At(path), cancellation).ConfigureAwait(false);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }
}
