using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Patchbay.Lab.Engines.Docker;

/// <summary>Calls of the Docker Engine API, which Podman answers too; failures become <see cref="EngineException"/>.</summary>
/// <remarks>Addresses are without a version: the engine's own newest one, of which the few fields used here exist in all.</remarks>
internal sealed class DockerClient(string engine, string socket) : IDisposable
{
    private readonly HttpClient _http = UnixSocketHttp.Connect(socket);

    public async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        using var response = await SendAsync(HttpMethod.Get, path, null, cancellation).ConfigureAwait(false);
        return await ReadAsync(path, response, type, cancellation).ConfigureAwait(false);
    }

    public async Task<T> PostAsync<TBody, T>(string path, TBody body, JsonTypeInfo<TBody> bodyType, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        using var response = await SendAsync(HttpMethod.Post, path, Content(body, bodyType), cancellation).ConfigureAwait(false);
        return await ReadAsync(path, response, type, cancellation).ConfigureAwait(false);
    }

    /// <summary>Posts, and hands the answer's stream over as soon as it begins.</summary>
    public async Task<T> PostAsync<TBody, T>(string path, TBody body, JsonTypeInfo<TBody> bodyType, Func<Stream, Task<T>> read, CancellationToken cancellation)
    {
        using var response = await SendAsync(HttpMethod.Post, path, Content(body, bodyType), cancellation).ConfigureAwait(false);
        try
        {
            return await read(await response.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false)).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is IOException or HttpRequestException or InvalidDataException)
        {
            throw new EngineException(engine, $"POST {path}: {failure.Message}", failure);
        }
    }

    /// <summary>A call whose answer says nothing.</summary>
    public async Task CallAsync(HttpMethod method, string path, CancellationToken cancellation)
    {
        using var response = await SendAsync(method, path, null, cancellation).ConfigureAwait(false);
    }

    /// <summary>Begins an answer that goes on.</summary>
    public Task<HttpResponseMessage> StreamAsync(string path, CancellationToken cancellation) => SendAsync(HttpMethod.Get, path, null, cancellation);

    public void Dispose() => _http.Dispose();

    private static ByteArrayContent Content<T>(T body, JsonTypeInfo<T> type)
    {
        // With its length: Docker's older versions take no chunks for these calls.
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, type));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation).ConfigureAwait(false);
        }
        catch (HttpRequestException failure)
        {
            throw new EngineException(engine, $"{method} {path}: {(failure.InnerException ?? failure).Message}", failure);
        }

        if (response.IsSuccessStatusCode)
            return response;
        using (response)
        {
            var said = await response.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false);
            throw new EngineException(engine, $"{method} {path}: {Reason(said)} (HTTP {(int)response.StatusCode})") { IsNotFound = response.StatusCode == HttpStatusCode.NotFound };
        }
    }

    private async Task<T> ReadAsync<T>(string path, HttpResponseMessage response, JsonTypeInfo<T> type, CancellationToken cancellation)
    {
        try
        {
            var body = await response.Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false);
            return JsonSerializer.Deserialize(body, type) ?? throw new JsonException("null");
        }
        catch (Exception failure) when (failure is JsonException or HttpRequestException or IOException)
        {
            throw new EngineException(engine, $"{path}: an answer that cannot be understood: {failure.Message}", failure);
        }
    }

    private static string Reason(byte[] said)
    {
        try
        {
            return JsonSerializer.Deserialize(said, DockerJson.Default.Refusal)?.Message ?? "refused";
        }
        catch (JsonException)
        {
            return Encoding.UTF8.GetString(said).Trim(); // older ones answer in plain text
        }
    }
}
