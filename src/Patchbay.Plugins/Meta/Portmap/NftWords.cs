using System.Text;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>The words of conditions that are written as in nft(8).</summary>
internal sealed class NftWords
{
    private readonly bool _ipv4;
    private readonly string _text;
    private readonly List<string> _words;
    private int _next;

    internal NftWords(bool ipv4, string text)
    {
        (_ipv4, _text) = (ipv4, text);
        _words = Split(text);
    }

    internal bool IsAtEnd => _next == _words.Count;

    internal string Next() => IsAtEnd ? throw Refuse() : _words[_next++];

    /// <summary>Reads the operator, if there is one.</summary>
    internal bool Inverted()
    {
        if (!IsAtEnd && _words[_next] is "!=" or "==" or "eq" or "ne")
            return _words[_next++] is "!=" or "ne";
        return false;
    }

    /// <summary>Reads one value, or several in braces.</summary>
    internal List<(byte[] First, byte[] Last)> Values(Func<string, (byte[] First, byte[] Last)?> parse)
    {
        var values = new List<(byte[] First, byte[] Last)>();
        var word = Next();
        if (word != "{")
        {
            values.Add(Value(word));
            return values;
        }

        do
            values.Add(Value(Next()));
        while (Next() is var separator && (separator == "," || (separator == "}" ? false : throw Refuse())));
        return values;

        (byte[] First, byte[] Last) Value(string text)
        {
            if (parse(text) is not { } value || value.First.AsSpan().SequenceCompareTo(value.Last) > 0)
                throw Refuse();
            return value;
        }
    }

    /// <summary>The error about the word that was read last.</summary>
    internal CniException Refuse() => new(
        CniError.InvalidNetworkConfig,
        $"condition{(_ipv4 ? "sV4" : "sV6")} \"{_text}\" is not supported {(_next == 0 || IsAtEnd && _next > _words.Count ? "" : $"from \"{_words[Math.Min(_next, _words.Count) - 1]}\" on")}",
        $"the nftables backend takes {(_ipv4 ? "ip" : "ip6")} saddr, {(_ipv4 ? "ip" : "ip6")} daddr, iifname, oifname, meta mark, and tcp, udp, sctp, dccp or th with sport or dport; each with a value, != and a value, or {{ several, values }}");

    private static List<string> Split(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var quoted = false;
        foreach (var c in text)
        {
            if (c == '"')
                quoted = !quoted;
            else if (!quoted && (c is ',' or '{' or '}' || char.IsWhiteSpace(c)))
                End(c);
            else
                word.Append(c);
        }

        End(' ');
        return words;

        void End(char c)
        {
            if (word.Length > 0)
                words.Add(word.ToString());
            word.Clear();
            if (!char.IsWhiteSpace(c))
                words.Add(c.ToString());
        }
    }
}
