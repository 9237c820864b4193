using System.Buffers;
using System.Text.Json;

namespace Patchbay.Cni.Model;

/// <summary>What an ADD did, in the terms of the newest version; older forms are made and read at the edge.</summary>
public sealed record CniResult
{
    /// <summary>The interfaces, host side included; none in an IPAM plugin's result.</summary>
    public IReadOnlyList<CniInterface> Interfaces { get; init; } = [];

    /// <summary>The addresses.</summary>
    public IReadOnlyList<CniIp> Ips { get; init; } = [];

    /// <summary>The routes.</summary>
    public IReadOnlyList<CniRoute> Routes { get; init; } = [];

    /// <summary>Name resolution.</summary>
    public CniDns Dns { get; init; } = CniDns.Empty;

    /// <summary>Reads a result.</summary>
    /// <param name="view">The object.</param>
    /// <param name="version">The version whose form it has.</param>
    /// <returns>The result in the newest terms.</returns>
    /// <exception cref="CniException">Code 999: no such version, or a field of the wrong type; the text names it.</exception>
    public static CniResult Read(JsonView view, SpecVersion version) => ResultReader.Read(view, version);

    /// <summary>Reads what a plugin printed; its own <c>cniVersion</c> says the form.</summary>
    /// <param name="json">UTF-8 JSON.</param>
    /// <param name="fallback">The version of the configuration, for a result that does not name its own.</param>
    /// <returns>The result in the newest terms.</returns>
    /// <exception cref="JsonException">It is not JSON.</exception>
    /// <exception cref="CniException">Code 999: no such version, or a field of the wrong type; the text names it.</exception>
    public static CniResult Parse(ReadOnlyMemory<byte> json, SpecVersion fallback)
    {
        JsonView view = JsonView.Parse(json, "result");
        string? own = view.String("cniVersion");
        return ResultReader.Read(view, string.IsNullOrEmpty(own) ? fallback : SpecVersion.Parse(own));
    }

    /// <summary>Writes the result as plugins print it: four spaces, no newline at the end.</summary>
    /// <param name="version">The version whose form to write.</param>
    /// <returns>UTF-8 JSON.</returns>
    /// <exception cref="CniException">Code 999: no such version, or 0.1.0 and 0.2.0 and there is no address (<c>cannot convert: no valid IP addresses</c>).</exception>
    public ReadOnlyMemory<byte> ToJson(SpecVersion version)
    {
        ArrayBufferWriter<byte> buffer = new(1024);
        using (Utf8JsonWriter writer = new(buffer, JsonFormat.Indented))
            Write(writer, version);
        return buffer.WrittenMemory;
    }

    /// <summary>Writes the result as one JSON object.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="version">The version whose form to write.</param>
    /// <exception cref="CniException">As for <see cref="ToJson"/>.</exception>
    public void Write(Utf8JsonWriter writer, SpecVersion version) => ResultWriter.Write(writer, this, version);
}
