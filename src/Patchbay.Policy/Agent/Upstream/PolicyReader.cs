using System.Globalization;
using System.Text;
using System.Text.Json;
using Patchbay.Policy.Agent.Plan;
using Patchbay.Policy.Model;

namespace Patchbay.Policy.Agent.Upstream;

/// <summary>Goes through a document with policies once, without a tree: a host's policies may be many megabytes.</summary>
/// <remarks><c>"port": 8080</c> in place of <c>ports</c> is the form of v0. A policy that makes no sense permits nothing and is told; the others hold.</remarks>
internal ref struct PolicyReader
{
    private const int LongestId = 255;

    private readonly ReadOnlySpan<byte> _text;
    private readonly List<string> _problems;
    private readonly Dictionary<string, string> _ids = []; // thousands of policies name a few hundred apps
    private readonly Dictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> _idsByText;
    private Utf8JsonReader _reader;

    /// <exception cref="JsonException">The document is no object.</exception>
    internal PolicyReader(ReadOnlySpan<byte> text, List<string> problems)
    {
        _text = text;
        _problems = problems;
        _idsByText = _ids.GetAlternateLookup<ReadOnlySpan<char>>();
        _reader = new Utf8JsonReader(text);
        if (!_reader.Read() || _reader.TokenType != JsonTokenType.StartObject)
            throw new JsonException("it is no object");
    }

    /// <summary>Goes to the next value of the document's object.</summary>
    /// <returns>Its name; null at the end.</returns>
    internal string? NextMember()
    {
        if (Step() == JsonTokenType.PropertyName)
        {
            string name = _reader.GetString()!;
            Step();
            return name;
        }

        if (_reader.Read())
            throw new JsonException("something follows its end");
        return null;
    }

    internal void Skip() => _reader.Skip();

    internal long ReadNumber() => _reader.TokenType == JsonTokenType.Number && _reader.TryGetInt64(out long number) ? number : throw new JsonException("a number is none");

    internal List<AppPolicy> ReadList()
    {
        if (_reader.TokenType != JsonTokenType.StartArray)
            throw new JsonException("the policies are no list");
        var policies = new List<AppPolicy>();
        while (Step() != JsonTokenType.EndArray)
        {
            int start = (int)_reader.TokenStartIndex;
            if (ReadPolicy(out string problem) is { } policy)
                policies.Add(policy);
            else
                _problems.Add($"policy {Shorten(_text[start..(int)_reader.BytesConsumed])} permits nothing: {problem}");
        }

        return policies;
    }

    /// <summary>Reads <c>"00FF"</c>; VXLAN carries 16 bits, and 0 means that there is no tag.</summary>
    internal static ushort? Tag(string? text) =>
        ushort.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort tag) && tag != 0 ? tag : null;

    private AppPolicy? ReadPolicy(out string problem)
    {
        Side source = default, destination = default;
        if (_reader.TokenType == JsonTokenType.StartObject)
        {
            while (Step() == JsonTokenType.PropertyName)
            {
                bool isSource = _reader.ValueTextEquals("source"u8), isDestination = _reader.ValueTextEquals("destination"u8);
                Step();
                if (isSource)
                    source = ReadSide();
                else if (isDestination)
                    destination = ReadSide();
                else
                    _reader.Skip();
            }
        }
        else
        {
            _reader.Skip();
        }

        problem = "";
        if (source.Id is null || destination.Id is null)
            problem = "it names no source and destination";
        else if (source.Tag is not { } tag)
            problem = $"the source's tag is \"{source.TagText}\", which is none of 16 bits";
        else if (destination.Protocol == 0)
            problem = $"the protocol is \"{destination.ProtocolText}\", neither tcp nor udp";
        else if (destination.First is < 1 or > ushort.MaxValue || destination.Last is < 1 or > ushort.MaxValue || destination.Last < destination.First)
            problem = $"the ports are {destination.First} to {destination.Last}";
        else
            return new AppPolicy(source.Id, tag, destination.Id, destination.Protocol, (ushort)destination.First, (ushort)destination.Last);
        return null;
    }

    private Side ReadSide()
    {
        var side = default(Side);
        (int First, int Last)? range = null;
        int port = 0;
        if (_reader.TokenType != JsonTokenType.StartObject)
        {
            _reader.Skip();
            return side;
        }

        while (Step() == JsonTokenType.PropertyName)
        {
            bool isId = _reader.ValueTextEquals("id"u8), isTag = _reader.ValueTextEquals("tag"u8), isProtocol = _reader.ValueTextEquals("protocol"u8),
                isPort = _reader.ValueTextEquals("port"u8), isPorts = _reader.ValueTextEquals("ports"u8);
            Step();
            if (isId)
                side.Id = ReadId();
            else if (isTag)
                (side.TagText, side.Tag) = ReadTag();
            else if (isProtocol)
                (side.ProtocolText, side.Protocol) = ReadProtocol();
            else if (isPort)
                port = ReadInteger();
            else if (isPorts && _reader.TokenType == JsonTokenType.StartObject)
                range = ReadRange();
            else
                _reader.Skip();
        }

        (side.First, side.Last) = range ?? (port, port);
        return side;
    }

    private (int First, int Last) ReadRange()
    {
        int first = 0, last = 0;
        while (Step() == JsonTokenType.PropertyName)
        {
            bool isStart = _reader.ValueTextEquals("start"u8), isEnd = _reader.ValueTextEquals("end"u8);
            Step();
            int number = ReadInteger();
            if (isStart)
                first = number;
            else if (isEnd)
                last = number;
        }

        return (first, last);
    }

    // Null: no id.
    private string? ReadId()
    {
        if (_reader.TokenType != JsonTokenType.String || _reader.ValueIsEscaped || _reader.ValueSpan.Length > LongestId)
            return ReadText() is { } text && PolicyRequest.IsId(text) ? text : null;
        Span<char> characters = stackalloc char[LongestId];
        ReadOnlySpan<char> id = characters[..Encoding.UTF8.GetChars(_reader.ValueSpan, characters)];
        if (_idsByText.TryGetValue(id, out string? known))
            return known;
        string once = id.ToString();
        if (!PolicyRequest.IsId(once))
            return null;
        _ids[once] = once;
        return once;
    }

    private (string? Text, ushort? Tag) ReadTag()
    {
        // The usual one, without a string for it: four hexadecimal digits.
        if (_reader.TokenType == JsonTokenType.String && !_reader.ValueIsEscaped
            && ushort.TryParse(_reader.ValueSpan, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort tag) && tag != 0)
            return (null, tag);
        return (ReadText(), null);
    }

    private (string? Text, byte Protocol) ReadProtocol()
    {
        bool isText = _reader.TokenType == JsonTokenType.String;
        if (isText && _reader.ValueTextEquals("tcp"u8))
            return (null, AppPolicy.Tcp);
        if (isText && _reader.ValueTextEquals("udp"u8))
            return (null, AppPolicy.Udp);
        return (ReadText(), 0);
    }

    private int ReadInteger()
    {
        if (_reader.TokenType == JsonTokenType.Number && _reader.TryGetInt32(out int number))
            return number;
        _reader.Skip();
        return 0;
    }

    private string? ReadText()
    {
        if (_reader.TokenType == JsonTokenType.String)
            return _reader.GetString();
        _reader.Skip();
        return null;
    }

    private JsonTokenType Step() => _reader.Read() ? _reader.TokenType : throw new JsonException("it ends too early");

    private static string Shorten(ReadOnlySpan<byte> text) => text.Length <= 200 ? Encoding.UTF8.GetString(text) : $"{Encoding.UTF8.GetString(text[..200])}…";

    /// <summary>One side of a policy, as far as it could be read.</summary>
    private struct Side
    {
        internal string? Id;
        internal ushort? Tag;
        internal string? TagText;
        internal byte Protocol;
        internal string? ProtocolText;
        internal int First;
        internal int Last;
    }
}
