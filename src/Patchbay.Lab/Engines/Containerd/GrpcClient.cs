using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;

namespace Patchbay.Lab.Engines.Containerd;

/// <summary>Calls of containerd over HTTP/2 without TLS, as gRPC frames them (PROTOCOL-HTTP2.md of gRPC).</summary>
/// <param name="engine">What to call it in errors.</param>
/// <param name="socket">Its Unix socket.</param>
/// <param name="space">The containerd namespace, in which every container is.</param>
internal sealed class GrpcClient(string engine, string socket, string space) : IDisposable
{
    private const int NotFound = 5; // status codes of gRPC
    private const int PrefixLength = 5; // a flag for compression, then the length
    private const int MostBytes = 64 << 20;

    private readonly HttpClient _http = UnixSocketHttp.Connect(socket, HttpVersion.Version20);

    /// <summary>A call with one answer.</summary>
    public async Task<byte[]> CallAsync(string method, ProtoWriter request, CancellationToken cancellation)
    {
        byte[]? answer = null;
        await foreach (var message in StreamAsync(method, request, cancellation).ConfigureAwait(false))
            answer = message;
        return answer ?? throw new EngineException(engine, $"{method}: no answer");
    }

    /// <summary>A call with any number of answers. A server written in Go sends not even a header before the first.</summary>
    public async IAsyncEnumerable<byte[]> StreamAsync(string method, ProtoWriter request, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using var response = await BeginAsync(method, request, cancellation).ConfigureAwait(false);
        ThrowIfRefused(method, response.Headers); // a call that fails at once has no trailers
        await using var body = await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        var prefix = new byte[PrefixLength];
        while (await ReadAsync(method, body, prefix, cancellation).ConfigureAwait(false))
        {
            var length = BinaryPrimitives.ReadUInt32BigEndian(prefix.AsSpan(1));
            if (prefix[0] != 0 || length > MostBytes)
                throw new EngineException(engine, $"{method}: an answer with the prefix {Convert.ToHexStringLower(prefix)}, which is compressed or too long");
            var message = new byte[length];
            if (length > 0 && !await ReadAsync(method, body, message, cancellation).ConfigureAwait(false))
                throw new EngineException(engine, $"{method}: an answer ends within a message");
            yield return message;
        }

        ThrowIfRefused(method, response.TrailingHeaders);
    }

    public void Dispose() => _http.Dispose();

    private async Task<HttpResponseMessage> BeginAsync(string method, ProtoWriter request, CancellationToken cancellation)
    {
        var body = new byte[PrefixLength + request.Written.Length];
        BinaryPrimitives.WriteInt32BigEndian(body.AsSpan(1), request.Written.Length);
        request.Written.CopyTo(body.AsMemory(PrefixLength));
        using var post = new HttpRequestMessage(HttpMethod.Post, method)
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body),
        };
        post.Content.Headers.ContentType = new MediaTypeHeaderValue("application/grpc");
        post.Headers.TE.Add(new TransferCodingWithQualityHeaderValue("trailers"));
        post.Headers.Add("containerd-namespace", space);
        try
        {
            var response = await _http.SendAsync(post, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
            if (response.StatusCode == HttpStatusCode.OK)
                return response;
            response.Dispose();
            throw new EngineException(engine, $"{method}: HTTP {(int)response.StatusCode}");
        }
        catch (HttpRequestException failure)
        {
            throw new EngineException(engine, $"{method}: {(failure.InnerException ?? failure).Message}", failure);
        }
    }

    /// <summary>Fills the buffer; false when the stream has ended.</summary>
    private async Task<bool> ReadAsync(string method, Stream body, byte[] buffer, CancellationToken cancellation)
    {
        try
        {
            return await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellation).ConfigureAwait(false) == buffer.Length;
        }
        catch (Exception failure) when (failure is IOException or HttpRequestException)
        {
            throw new EngineException(engine, $"{method}: the connection broke: {failure.Message}", failure);
        }
    }

    private void ThrowIfRefused(string method, HttpResponseHeaders headers)
    {
        if (!headers.TryGetValues("grpc-status", out var values))
            return;
        var status = values.First();
        if (status == "0")
            return;
        var text = headers.TryGetValues("grpc-message", out var said) ? Uri.UnescapeDataString(said.First()) : $"status {status}";
        throw new EngineException(engine, $"{method}: {text}") { IsNotFound = status == NotFound.ToString(CultureInfo.InvariantCulture) };
    }
}
