using System.Net;
using Patchbay.Policy.CloudFoundry;

namespace Patchbay.Policy.Agent.Upstream;

/// <summary>HTTP over mutual TLS; certificates that are replaced count from the next request on.</summary>
internal sealed class MutualTlsClient(ClientTls tls, TimeSpan connectTimeout, int largestAnswer) : IDisposable
{
    private readonly Lock _connecting = new();
    private HttpClient? _http;
    private string _stamp = "";

    public void Dispose() => _http?.Dispose();

    /// <summary>Sends a request; the answer may have any status.</summary>
    /// <exception cref="UpstreamException">There is no answer.</exception>
    internal async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, TimeSpan timeout, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(timeout);
        try
        {
            return await Client().SendAsync(request, limit.Token);
        }
        catch (HttpRequestException e)
        {
            throw new UpstreamException($"{What(request)}: {e.Message}{(e.InnerException is { } inner ? $" {inner.Message}" : "")}", e);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new UpstreamException($"{What(request)}: no answer within {timeout.TotalSeconds} s (client_timeout_seconds)", e);
        }
    }

    /// <summary>The request for a text about it.</summary>
    internal static string What(HttpRequestMessage request) => Shorten($"{request.Method} {request.RequestUri}");

    /// <summary>Cuts a text that is too long to be read.</summary>
    internal static string Shorten(string text) => text.Length <= 200 ? text : $"{text[..200]}…";

    private HttpClient Client()
    {
        lock (_connecting)
        {
            string stamp = tls.Stamp;
            if (_http is not null && stamp == _stamp)
                return _http;
            // The old one is left to requests that still run; idle connections close by themselves.
            _http = new HttpClient(new SocketsHttpHandler { SslOptions = tls.Load(), AllowAutoRedirect = false, ConnectTimeout = connectTimeout, UseProxy = false })
            {
                Timeout = Timeout.InfiniteTimeSpan,
                MaxResponseContentBufferSize = largestAnswer,
                DefaultRequestVersion = HttpVersion.Version20,
                DefaultVersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
            };
            _stamp = stamp;
            return _http;
        }
    }
}
