using System.Net.Sockets;
using System.Text;

namespace Patchbay.Lab.Engines.Runc;

/// <summary>The program that an OCI runtime calls as a hook (createRuntime, poststop): it hands the container's state to the lab, and waits until the lab is done.</summary>
/// <remarks>On the socket: the state as JSON, then the end; back comes nothing when all is well, or the reason why the container must not start.</remarks>
internal static class OciHook
{
    /// <summary>Bytes of a state; runc writes no more than a page or two.</summary>
    internal const int MostState = 1 << 20;

    /// <summary>Runs the hook.</summary>
    /// <param name="state">Its standard input.</param>
    /// <param name="socket">Where the lab listens.</param>
    /// <param name="optional">Whether a container may start with no lab listening.</param>
    /// <param name="complaints">Its standard error, which the runtime passes on when the hook fails.</param>
    /// <returns>Its exit status.</returns>
    public static int Run(Stream state, string socket, bool optional, TextWriter complaints)
    {
        var text = new byte[MostState];
        var length = state.ReadAtLeast(text, text.Length, throwOnEndOfStream: false);
        using var connection = UnixSocket.Create();
        try
        {
            connection.Connect(UnixSocket.At(socket));
        }
        catch (Exception failure) when (optional && failure is (SocketException or IOException))
        {
            complaints.WriteLine($"patchbay: no lab listens at \"{socket}\" ({failure.Message}); the container gets no links");
            return 0;
        }
        catch (Exception failure) when (failure is SocketException or IOException)
        {
            complaints.WriteLine($"patchbay: no lab listens at \"{socket}\": {failure.Message}; --optional lets containers start all the same");
            return 1;
        }

        using var stream = new NetworkStream(connection);
        stream.Write(text.AsSpan(0, length));
        connection.Shutdown(SocketShutdown.Send);
        using var answer = new StreamReader(stream, Encoding.UTF8);
        var reason = answer.ReadToEnd().Trim();
        if (reason.Length == 0)
            return 0;
        complaints.WriteLine($"patchbay: {reason}");
        return 1;
    }
}
