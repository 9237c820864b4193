using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Patchbay.Policy.Model;

namespace Patchbay.Policy.Server;

/// <summary>Writes answers.</summary>
internal static class Answer
{
    private const int EntriesInOnePart = 512;

    // Answers are JSON and said to be, with nosniff: no browser takes them for HTML, so "<" and "é" may stand as they are.
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    internal static async Task JsonAsync(HttpContext context, int status, Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        await using (var writer = new Utf8JsonWriter(buffer, Options))
            write(writer);
        await BytesAsync(context, status, "application/json", buffer.WrittenMemory);
    }

    internal static Task EmptyAsync(HttpContext context) => BytesAsync(context, StatusCodes.Status200OK, "application/json", "{}"u8.ToArray());

    internal static async Task BytesAsync(HttpContext context, int status, string type, ReadOnlyMemory<byte> body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = type;
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body, context.RequestAborted);
    }

    /// <summary>Entries for agents, from texts that exist already: <c>{"policies":[…]}</c>.</summary>
    internal static async Task EntriesAsync(HttpContext context, ReadOnlyMemory<PolicyEntry> entries, ApiVersion version)
    {
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = Length(entries.Span, version);
        PipeWriter body = context.Response.BodyWriter;
        body.Write(Head);
        // All 60,000 policies are 12 MB: a part at a time, so that a slow reader does not make the server hold them once more.
        for (int at = 0; at < entries.Length; at += EntriesInOnePart)
        {
            Write(body, entries.Span.Slice(at, Math.Min(EntriesInOnePart, entries.Length - at)), version, first: at == 0);
            await body.FlushAsync(context.RequestAborted);
        }

        body.Write(Tail);
        await body.FlushAsync(context.RequestAborted);
    }

    /// <summary>What became of policies: <c>{"last_updated":…,"added":[…],"removed":[…]}</c>.</summary>
    internal static Task ChangesAsync(HttpContext context, long lastUpdated, IReadOnlyCollection<PolicyEntry> added, IReadOnlyCollection<PolicyEntry> removed)
    {
        var text = new ArrayBufferWriter<byte>(1024);
        text.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{{\"last_updated\":{lastUpdated},\"added\":[")));
        Write(text, [.. added], ApiVersion.V1, first: true);
        text.Write("],\"removed\":["u8);
        Write(text, [.. removed], ApiVersion.V1, first: true);
        text.Write(Tail);
        return BytesAsync(context, StatusCodes.Status200OK, "application/json", text.WrittenMemory);
    }

    /// <summary>The whole body of a request.</summary>
    /// <exception cref="RequestException">400: it is too large, or does not come.</exception>
    internal static async Task<ReadOnlyMemory<byte>> BodyAsync(HttpContext context)
    {
        using var body = new MemoryStream();
        try
        {
            await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        }
        catch (Exception e) when (e is BadHttpRequestException or IOException)
        {
            throw new RequestException(StatusCodes.Status400BadRequest, "failed reading request body", e);
        }

        return body.GetBuffer().AsMemory(0, (int)body.Length);
    }

    private static ReadOnlySpan<byte> Head => "{\"policies\":["u8;

    private static ReadOnlySpan<byte> Tail => "]}"u8;

    private static long Length(ReadOnlySpan<PolicyEntry> entries, ApiVersion version)
    {
        long length = Head.Length + Tail.Length + Math.Max(0, entries.Length - 1);
        foreach (PolicyEntry each in entries)
            length += each.Text(version).Length;
        return length;
    }

    private static void Write(IBufferWriter<byte> to, ReadOnlySpan<PolicyEntry> entries, ApiVersion version, bool first)
    {
        foreach (PolicyEntry each in entries)
        {
            if (!first)
                to.Write(","u8);
            to.Write(each.Text(version));
            first = false;
        }
    }
}
