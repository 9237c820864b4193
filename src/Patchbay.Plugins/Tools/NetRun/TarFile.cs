using System.Text;

namespace Patchbay.Plugins.Tools.NetRun;

/// <summary>An archive of one executable file, as POSIX has it (pax(1), "ustar Interchange Format").</summary>
internal static class TarFile
{
    private const int Block = 512;

    /// <summary>Makes it.</summary>
    /// <param name="name">Name of the file, at most 100 bytes.</param>
    /// <param name="content">What is in it.</param>
    internal static byte[] Of(string name, ReadOnlySpan<byte> content)
    {
        int padded = (content.Length + Block - 1) / Block * Block;
        byte[] archive = new byte[Block + padded + (2 * Block)]; // two empty blocks are its end
        Span<byte> header = archive.AsSpan(0, Block);
        Put(header, 0, name);
        Put(header, 100, "0000755\0"); // mode
        Put(header, 108, "0000000\0"); // user
        Put(header, 116, "0000000\0"); // group
        Put(header, 124, Octal(content.Length, 11));
        Put(header, 136, Octal(0, 11)); // time: none, so that the same file makes the same image
        header[156] = (byte)'0'; // a regular file
        Put(header, 257, "ustar\0" + "00");

        // The sum of the header's bytes, its own eight as blanks.
        Put(header, 148, "        ");
        int sum = 0;
        foreach (byte each in header)
            sum += each;
        Put(header, 148, Octal(sum, 6) + "\0 ");
        content.CopyTo(archive.AsSpan(Block));
        return archive;
    }

    private static string Octal(int value, int digits) => Convert.ToString(value, 8).PadLeft(digits, '0');

    private static void Put(Span<byte> header, int at, string text) => Encoding.ASCII.GetBytes(text, header[at..]);
}
