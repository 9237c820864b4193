using System.Text;

namespace Patchbay.Tests.Netlink;

/// <summary>Compares encoded messages with bytes that another program sent.</summary>
/// <remarks>
/// A golden is hexadecimal text with white space anywhere and comments from # to the end of a line, captioned by the command that sent it. Capture one by recording what goes
/// through sendmsg(2) (<c>strace -e trace=sendmsg -e raw=sendmsg</c>, an LD_PRELOAD, or <c>NLDEBUG=1</c>), and put zero
/// for the sequence number and port of each message.
/// </remarks>
internal static class GoldenBytes
{
    /// <summary>The bytes of a golden.</summary>
    public static byte[] Parse(string golden)
    {
        var digits = new StringBuilder(golden.Length);
        foreach (var line in golden.Split('\n'))
        {
            var comment = line.IndexOf('#', StringComparison.Ordinal);
            foreach (var c in comment < 0 ? line : line[..comment])
            {
                if (!char.IsWhiteSpace(c))
                    digits.Append(c);
            }
        }

        return Convert.FromHexString(digits.ToString());
    }

    /// <summary>A message without its sequence number and port, which differ from run to run.</summary>
    public static byte[] Anonymous(ReadOnlySpan<byte> message)
    {
        var bytes = message.ToArray();
        Array.Clear(bytes, 8, 8);
        return bytes;
    }

    /// <summary>Fails with both sides when they differ; what is expected is told by comments in the golden.</summary>
    public static void Equal(ReadOnlySpan<byte> actual, string golden) => AssertEqual("", golden, actual);

    /// <summary>Fails with both sides, four bytes a line, when they differ.</summary>
    /// <param name="caption">The command that sent the golden.</param>
    /// <param name="golden">Hexadecimal text.</param>
    /// <param name="actual">Ours.</param>
    public static void AssertEqual(string caption, string golden, ReadOnlySpan<byte> actual)
    {
        var expected = Parse(golden);
        if (!actual.SequenceEqual(expected))
            Assert.Fail($"{caption}\n{Compare(expected, actual)}");
    }

    private static string Compare(ReadOnlySpan<byte> expected, ReadOnlySpan<byte> actual)
    {
        var text = new StringBuilder($"  offset  expected ({expected.Length})       actual ({actual.Length})\n");
        for (var at = 0; at < Math.Max(expected.Length, actual.Length); at += 4)
        {
            var left = Line(expected, at);
            var right = Line(actual, at);
            text.Append(left == right ? ' ' : '!').Append($" {at,6}  {left}    {right}\n");
        }

        return text.ToString();
    }

    // Like nft --debug=mnl: the four bytes, then what they are as text.
    private static string Line(ReadOnlySpan<byte> bytes, int at)
    {
        var hex = new StringBuilder();
        var letters = new StringBuilder();
        for (var i = at; i < at + 4; i++)
        {
            hex.Append(i < bytes.Length ? $"{bytes[i]:x2} " : "   ");
            letters.Append(i >= bytes.Length ? ' ' : bytes[i] is >= 0x20 and < 0x7f ? (char)bytes[i] : '.');
        }

        return $"{hex}{letters}";
    }
}
