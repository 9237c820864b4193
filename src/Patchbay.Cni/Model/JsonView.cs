using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Unicode;

namespace Patchbay.Cni.Model;

/// <summary>Reads a JSON value as other CNI programs do: keys match whatever their case, the last of several wins, unknown ones are left alone.</summary>
/// <remarks>
/// <para>A missing key and <c>null</c> both read as null. A value of the wrong type is an error of code 999 whose text names the field
/// by its whole path, what it should be and what it is: <c>failed to load netconf: "vlanTrunk[0].id" must be a whole number from 1 to 4094, not "x"</c>.</para>
/// <para>The getters with a name look into an object; those without read the value itself, for elements of lists.</para>
/// </remarks>
public readonly struct JsonView
{
    private readonly string _path;

    /// <summary>Wraps an element.</summary>
    /// <param name="element">The value.</param>
    /// <param name="path">How errors name it; empty for the root.</param>
    public JsonView(JsonElement element, string path)
    {
        Element = element;
        _path = path;
    }

    /// <summary>The value itself, for what the getters do not cover.</summary>
    public JsonElement Element { get; }

    /// <summary>How errors name this value: <c>ipam.ranges[0]</c>; empty for the root.</summary>
    public string Path => _path ?? "";

    /// <summary>Parses a document whose root is an object; <c>null</c> reads as an empty one.</summary>
    /// <param name="json">UTF-8 JSON.</param>
    /// <param name="what">What it is, for the error.</param>
    /// <returns>The root.</returns>
    /// <exception cref="JsonException">It is not JSON, not UTF-8, or nested deeper than 200 levels.</exception>
    /// <exception cref="CniException">Code 999: the root is not an object.</exception>
    public static JsonView Parse(ReadOnlyMemory<byte> json, string what)
    {
        if (!Utf8.IsValid(json.Span))
            throw new JsonException($"the {what} is not valid UTF-8");
        JsonElement root = JsonDocument.Parse(json, JsonFormat.Reading).RootElement;
        if (root.ValueKind == JsonValueKind.Null)
            root = JsonDocument.Parse("{}"u8.ToArray()).RootElement;
        if (root.ValueKind != JsonValueKind.Object)
            throw new CniException(CniError.Internal, $"the {what} must be an object, not {Shown(root)}");
        return new JsonView(root, "");
    }

    /// <summary>The value of a key.</summary>
    /// <param name="name">The key, in any case.</param>
    /// <returns>The value, or null when it is missing or <c>null</c>.</returns>
    public JsonView? Get(string name)
    {
        if (Element.ValueKind != JsonValueKind.Object)
            throw Error("must be an object", Element);
        JsonElement found = default;
        foreach (JsonProperty property in Element.EnumerateObject())
            if (string.Equals(NameOf(property), name, StringComparison.OrdinalIgnoreCase))
                found = property.Value;
        return found.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null ? null : new JsonView(found, Child(name));
    }

    /// <summary>True when the key is there and not <c>null</c>.</summary>
    /// <param name="name">The key, in any case.</param>
    public bool Has(string name) => Get(name) is not null;

    /// <summary>The keys and values of an object as they stand in the text, duplicates included.</summary>
    /// <returns>Every pair; a value of <c>null</c> has that <see cref="JsonElement.ValueKind"/>.</returns>
    public IEnumerable<KeyValuePair<string, JsonView>> Pairs()
    {
        if (Element.ValueKind != JsonValueKind.Object)
            throw Error("must be an object", Element);
        foreach (JsonProperty property in Element.EnumerateObject())
        {
            string name = NameOf(property) ?? throw Error("has a key that is not valid Unicode");
            yield return new(name, new JsonView(property.Value, Child(name)));
        }
    }

    /// <summary>An object.</summary>
    /// <param name="name">The key.</param>
    /// <returns>The object, or null when absent.</returns>
    public JsonView? Object(string name)
    {
        if (Get(name) is not { } value)
            return null;
        return value.Element.ValueKind == JsonValueKind.Object ? value : throw value.Error("must be an object", value.Element);
    }

    /// <summary>A list.</summary>
    /// <param name="name">The key.</param>
    /// <returns>Its elements, or null when absent.</returns>
    public IReadOnlyList<JsonView>? Array(string name) => Get(name)?.AsArray();

    /// <summary>A text.</summary>
    /// <param name="name">The key.</param>
    /// <returns>The text, or null when absent.</returns>
    public string? String(string name) => Get(name)?.AsString();

    /// <summary>True or false.</summary>
    /// <param name="name">The key.</param>
    /// <returns>The value, or null when absent.</returns>
    public bool? Boolean(string name)
    {
        if (Get(name) is not { } value)
            return null;
        return value.Element.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw value.Error("must be true or false", value.Element),
        };
    }

    /// <summary>A whole number.</summary>
    /// <param name="name">The key.</param>
    /// <param name="minimum">The smallest allowed.</param>
    /// <param name="maximum">The largest allowed.</param>
    /// <returns>The number, or null when absent.</returns>
    public long? Integer(string name, long minimum, long maximum) => Get(name)?.AsInteger(minimum, maximum);

    /// <summary>A whole number of up to 64 bits without a sign.</summary>
    /// <param name="name">The key.</param>
    /// <returns>The number, or null when absent.</returns>
    public ulong? Unsigned(string name)
    {
        if (Get(name) is not { } value)
            return null;
        return value.Element.ValueKind == JsonValueKind.Number && value.Element.TryGetUInt64(out ulong number)
            ? number
            : throw value.Error("must be a whole number from 0 to 18446744073709551615", value.Element);
    }

    /// <summary>A list of texts.</summary>
    /// <param name="name">The key.</param>
    /// <returns>The texts, or null when absent.</returns>
    public IReadOnlyList<string>? Strings(string name)
    {
        if (Array(name) is not { } items)
            return null;
        string[] texts = new string[items.Count];
        for (int i = 0; i < texts.Length; i++)
            texts[i] = items[i].AsString();
        return texts;
    }

    /// <summary>An IP address; an empty text reads as absent.</summary>
    /// <param name="name">The key.</param>
    /// <returns>The address, or null when absent.</returns>
    public IPAddress? Address(string name) => Get(name) is { } value && value.AsString().Length > 0 ? value.AsAddress() : null;

    /// <summary>An address in CIDR notation, host bits kept.</summary>
    /// <param name="name">The key.</param>
    /// <returns>Address and prefix length, or null when absent.</returns>
    public IpPrefix? Prefix(string name) => Get(name)?.AsPrefix();

    /// <summary>This value as a list.</summary>
    /// <returns>Its elements.</returns>
    public IReadOnlyList<JsonView> AsArray()
    {
        if (Element.ValueKind != JsonValueKind.Array)
            throw Error("must be a list", Element);
        JsonView[] items = new JsonView[Element.GetArrayLength()];
        int index = 0;
        foreach (JsonElement item in Element.EnumerateArray())
        {
            items[index] = new JsonView(item, string.Create(CultureInfo.InvariantCulture, $"{Path}[{index}]"));
            index++;
        }

        return items;
    }

    /// <summary>This value as a text.</summary>
    /// <returns>The text.</returns>
    public string AsString()
    {
        if (Element.ValueKind != JsonValueKind.String)
            throw Error("must be a string", Element);
        try
        {
            return Element.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw Error("must be valid Unicode (it has half of a surrogate pair)");
        }
    }

    /// <summary>This value as a whole number.</summary>
    /// <param name="minimum">The smallest allowed.</param>
    /// <param name="maximum">The largest allowed.</param>
    /// <returns>The number.</returns>
    public long AsInteger(long minimum, long maximum)
    {
        if (Element.ValueKind == JsonValueKind.Number && Element.TryGetInt64(out long number) && number >= minimum && number <= maximum)
            return number;
        throw Error(string.Create(CultureInfo.InvariantCulture, $"must be a whole number from {minimum} to {maximum}"), Element);
    }

    /// <summary>This value as an IP address.</summary>
    /// <returns>The address.</returns>
    public IPAddress AsAddress() => IpText.TryParse(AsString()) ?? throw Error("must be an IP address", Element);

    /// <summary>This value as an address in CIDR notation, host bits kept.</summary>
    /// <returns>Address and prefix length.</returns>
    public IpPrefix AsPrefix() => IpPrefix.TryParse(AsString(), out IpPrefix prefix) ? prefix : throw Error("must be an address in CIDR notation such as 10.1.2.0/24", Element);

    /// <summary>An error about this value: <c>failed to load netconf: "mtu" must be …</c>.</summary>
    /// <param name="problem">What is wrong, after the name.</param>
    /// <returns>The error to throw, code 999.</returns>
    public CniException Error(string problem) =>
        new(CniError.Internal, Path.Length == 0 ? $"failed to load netconf: the object {problem}" : $"failed to load netconf: \"{Path}\" {problem}");

    private CniException Error(string problem, JsonElement value) => Error($"{problem}, not {Shown(value)}");

    private static string Shown(JsonElement value)
    {
        string text = value.GetRawText();
        return text.Length <= 80 ? text : string.Concat(text.AsSpan(0, 77), "...");
    }

    private string Child(string name) => Path.Length == 0 ? name : $"{Path}.{name}";

    private static string? NameOf(JsonProperty property)
    {
        try
        {
            return property.Name;
        }
        catch (InvalidOperationException)
        {
            return null; // an escape for half of a surrogate pair: no key of ours
        }
    }
}
