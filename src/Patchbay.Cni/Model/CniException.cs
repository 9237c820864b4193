using System.Buffers;
using System.Text.Json;

namespace Patchbay.Cni.Model;

/// <summary>An error as the protocol knows it: code, message and details.</summary>
public sealed class CniException : Exception
{
    /// <summary>Creates the error.</summary>
    /// <param name="code">One of <see cref="CniError"/>, or 100 and above for a plugin's own.</param>
    /// <param name="message">A short text that names the thing and the value.</param>
    /// <param name="details">More, or an empty string.</param>
    /// <param name="inner">What caused it.</param>
    public CniException(uint code, string message, string details = "", Exception? inner = null)
        : base(message, inner)
    {
        Code = code;
        Details = details;
    }

    /// <summary>One of <see cref="CniError"/>, or 100 and above for a plugin's own.</summary>
    public uint Code { get; }

    /// <summary>More than the message says, or an empty string.</summary>
    public string Details { get; }

    /// <summary>Message and details as one line of text.</summary>
    public string Text => Details.Length == 0 ? Message : $"{Message}; {Details}";

    /// <summary>Turns what a plugin threw into what it prints: errors without a code get 999, errors collected by a teardown are told together.</summary>
    /// <param name="error">What was thrown.</param>
    /// <returns>The error itself if it has a code.</returns>
    public static CniException From(Exception error)
    {
        ArgumentNullException.ThrowIfNull(error);
        switch (error)
        {
            case CniException known:
                return known;
            case AggregateException { InnerExceptions: [var only] }:
                return From(only);
            case AggregateException several:
                CniException[] all = [.. several.Flatten().InnerExceptions.Select(From)];
                uint code = all.All(e => e.Code == all[0].Code) ? all[0].Code : CniError.Internal;
                return new CniException(code, string.Join("; ", all.Select(e => e.Text)), inner: error);
            default:
                return new CniException(CniError.Internal, error.Message, inner: error);
        }
    }

    /// <summary>The error object: <c>code</c>, <c>msg</c>, and <c>details</c> when there are any, indented by four spaces.</summary>
    /// <returns>UTF-8 JSON without a newline at the end.</returns>
    public ReadOnlyMemory<byte> ToJson()
    {
        ArrayBufferWriter<byte> buffer = new(256);
        using (Utf8JsonWriter writer = new(buffer, JsonFormat.Indented))
        {
            writer.WriteStartObject();
            writer.WriteNumber("code"u8, Code);
            writer.WriteString("msg"u8, JsonFormat.WellFormed(Message));
            if (Details.Length > 0)
                writer.WriteString("details"u8, JsonFormat.WellFormed(Details));
            writer.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }

    /// <summary>Reads an error object.</summary>
    /// <param name="json">What a plugin printed.</param>
    /// <returns>The error.</returns>
    /// <exception cref="JsonException">It is not JSON.</exception>
    /// <exception cref="CniException">It is JSON, but not an error object.</exception>
    public static CniException FromJson(ReadOnlyMemory<byte> json)
    {
        JsonView view = JsonView.Parse(json, "error object");
        return new CniException(
            (uint)(view.Integer("code", 0, uint.MaxValue) ?? 0),
            view.String("msg") ?? "",
            view.String("details") ?? "");
    }
}
