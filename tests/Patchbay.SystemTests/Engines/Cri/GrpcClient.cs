using System.Buffers.Binary;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;

namespace Patchbay.SystemTests.Engines.Cri;

/// <summary>Unary gRPC calls over a Unix socket: an HTTP/2 POST whose body is a flag, a length and the message (gRPC's PROTOCOL-HTTP2.md).</summary>
/// <remarks>By hand, because the restorable packages of gRPC for .NET are incomplete; what the tests need of it is this file.</remarks>
internal sealed class GrpcClient : IDisposable
{
    private readonly HttpClient _http;

    public GrpcClient(string socket)
    {
        _http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) =>
            {
                var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await connection.ConnectAsync(new UnixDomainSocketEndPoint(socket), cancellation);
                return new NetworkStream(connection, ownsSocket: true);
            },
        })
        {
            Timeout = Harness.Command.DefaultLimit,
        };
    }

    public ProtoReader Call(string method, ProtoWriter request)
    {
        byte[] message = request.ToArray();
        byte[] body = [0, 0, 0, 0, 0, .. message];
        BinaryPrimitives.WriteInt32BigEndian(body.AsSpan(1), message.Length);
        using var post = new HttpRequestMessage(HttpMethod.Post, $"http://localhost/{method}")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body),
        };
        post.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        post.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));

        using HttpResponseMessage response = _http.SendAsync(post).GetAwaiter().GetResult();
        byte[] answer = response.Content.ReadAsByteArrayAsync().GetAwaiter().GetResult();
        // A call that fails at once has no trailers: their fields are in the header then.
        string status = Field(response, "grpc-status") ?? throw new InvalidDataException($"{method}: HTTP {(int)response.StatusCode} without a grpc-status");
        if (status != "0")
            throw new GrpcException(method, int.Parse(status, System.Globalization.CultureInfo.InvariantCulture), Uri.UnescapeDataString(Field(response, "grpc-message") ?? ""));
        return new ProtoReader(answer.AsSpan(5, BinaryPrimitives.ReadInt32BigEndian(answer.AsSpan(1))));
    }

    public void Dispose() => _http.Dispose();

    private static string? Field(HttpResponseMessage response, string name) =>
        response.TrailingHeaders.TryGetValues(name, out IEnumerable<string>? values) || response.Headers.TryGetValues(name, out values) ? values.First() : null;
}
