using System.Net;
using System.Net.Sockets;

namespace Patchbay.Lab.Engines;

/// <summary>HTTP over a Unix socket.</summary>
internal static class UnixSocketHttp
{
    /// <summary>A client whose every connection goes to the socket, whatever host the address names. It has no time limit: streams of events are endless.</summary>
    public static HttpClient Connect(string socket, Version? version = null) => new(new SocketsHttpHandler
    {
        UseProxy = false,
        AllowAutoRedirect = false,
        ConnectCallback = async (_, cancellation) => new NetworkStream(await UnixSocket.ConnectAsync(socket, cancellation).ConfigureAwait(false), ownsSocket: true),
    })
    {
        BaseAddress = new Uri("http://localhost/"),
        Timeout = Timeout.InfiniteTimeSpan,
        DefaultRequestVersion = version ?? HttpVersion.Version11,
        DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact, // HTTP/2 without TLS is not negotiated
    };
}
