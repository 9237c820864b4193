using Patchbay.Netlink.Codec;

namespace Patchbay.Tests.Netlink;

/// <summary>
/// Messages that other programs exchanged with a real kernel, one file a command under Captured/: made by
/// <c>strace -e trace=sendmsg,recvmsg -e read=3 -e write=3 COMMAND</c> in an empty namespace. The head of each file tells command and versions.
/// </summary>
internal static class Captured
{
    private const string Mark = " the kernel\n";

    internal static IEnumerable<string> Names =>
        typeof(Captured).Assembly.GetManifestResourceNames().Where(n => n.EndsWith(".hex", StringComparison.Ordinal)).Select(n => n[..^4]).Order(StringComparer.Ordinal);

    /// <summary>The request that the command ended in.</summary>
    internal static byte[] Request(string name) => Messages(name, "# to").Single();

    /// <summary>What the kernel answered.</summary>
    internal static IReadOnlyList<byte[]> Answers(string name) => Messages(name, "# from").ToList();

    /// <summary>All that a file holds.</summary>
    internal static IReadOnlyList<byte[]> All(string name) => [.. Messages(name, "# to"), .. Messages(name, "# from")];

    /// <summary>Positions a reader on a message and hands it over.</summary>
    internal static T Decode<T>(byte[] message, Decoder<T> decode)
    {
        var reader = new MessageReader(message);
        Assert.True(reader.Next());
        return decode(reader);
    }

    /// <summary>Decodes all that the kernel answered.</summary>
    internal static List<T> Decode<T>(string name, Decoder<T> decode) => Answers(name).Select(m => Decode(m, decode)).ToList();

    internal delegate T Decoder<T>(scoped in MessageReader message);

    private static IEnumerable<byte[]> Messages(string name, string direction)
    {
        using var stream = typeof(Captured).Assembly.GetManifestResourceStream(name + ".hex") ?? throw new FileNotFoundException($"no capture {name}");
        using var text = new StreamReader(stream);
        var blocks = text.ReadToEnd().Split(Mark);
        for (var i = 1; i < blocks.Length; i++)
        {
            if (blocks[i - 1].EndsWith(direction, StringComparison.Ordinal))
                yield return GoldenBytes.Parse(blocks[i]);
        }
    }
}
