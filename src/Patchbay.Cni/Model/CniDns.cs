using System.Text.Json;

namespace Patchbay.Cni.Model;

/// <summary>Name resolution that a configuration asks for or a result tells.</summary>
public sealed record CniDns
{
    /// <summary>Nothing told.</summary>
    public static CniDns Empty { get; } = new();

    /// <summary>Addresses of name servers, in order of preference.</summary>
    public IReadOnlyList<string> Nameservers { get; init; } = [];

    /// <summary>The local domain, or null.</summary>
    public string? Domain { get; init; }

    /// <summary>Search domains, in order.</summary>
    public IReadOnlyList<string> Search { get; init; } = [];

    /// <summary>Options for the resolver.</summary>
    public IReadOnlyList<string> Options { get; init; } = [];

    /// <summary>True when nothing is told.</summary>
    public bool IsEmpty => Nameservers.Count == 0 && string.IsNullOrEmpty(Domain) && Search.Count == 0 && Options.Count == 0;

    /// <summary>Reads the object <c>dns</c>.</summary>
    /// <param name="view">The object, or null.</param>
    /// <returns>What it tells.</returns>
    public static CniDns Read(JsonView? view) => view is not { } dns ? Empty : new()
    {
        Nameservers = dns.Strings("nameservers") ?? [],
        Domain = dns.String("domain"),
        Search = dns.Strings("search") ?? [],
        Options = dns.Strings("options") ?? [],
    };

    internal void Write(Utf8JsonWriter writer)
    {
        writer.WriteStartObject("dns"u8);
        WriteList(writer, "nameservers", Nameservers);
        if (!string.IsNullOrEmpty(Domain))
            writer.WriteString("domain"u8, Domain);
        WriteList(writer, "search", Search);
        WriteList(writer, "options", Options);
        writer.WriteEndObject();
    }

    private static void WriteList(Utf8JsonWriter writer, string name, IReadOnlyList<string> values)
    {
        if (values.Count == 0)
            return;
        writer.WriteStartArray(name);
        foreach (string value in values)
            writer.WriteStringValue(value);
        writer.WriteEndArray();
    }
}
