using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Tools.Install;

/// <summary>By what a file is known as patchbay-cni without being run: the line that it prints when it is called by no known name.</summary>
/// <remarks>The compiler keeps literals in the file as they are in memory, UTF-16. Versions up to the first 0.1.0 have the title without the number behind it.</remarks>
internal static class ProgramMark
{
    /// <summary>First line of the usage.</summary>
    internal const string Title = "patchbay-cni v" + PluginHost.ProgramVersion + "\n";

    private const int TitleLength = 14; // "patchbay-cni v"; a literal of its own would be found in the file, too
    private const int MaxVersion = 64;
    private const int BlockSize = 1 << 20;

    /// <summary>Whether a file is patchbay-cni.</summary>
    /// <param name="file">The file, open for reading.</param>
    /// <param name="version">Its version; null when it does not tell.</param>
    internal static bool IsIn(SafeFileHandle file, out string? version)
    {
        version = null;
        bool found = false;
        byte[] block = new byte[BlockSize];
        ReadOnlySpan<byte> title = MemoryMarshal.AsBytes(Title.AsSpan(0, TitleLength));
        int kept = 0;
        for (long offset = 0; ;)
        {
            int got = RandomAccess.Read(file, block.AsSpan(kept), offset);
            if (offset == 0 && (got < 4 || !block.AsSpan(0, 4).SequenceEqual("\u007fELF"u8)))
                return false;
            offset += got;
            ReadOnlySpan<byte> window = block.AsSpan(0, kept + got);
            for (int at = 0; window[at..].IndexOf(title) is >= 0 and var next; at += next + title.Length)
            {
                found = true;
                if ((version = Version(window[(at + next + title.Length)..])) is not null)
                    return true;
            }

            if (got == 0)
                return found;
            kept = Math.Min(window.Length, title.Length + (2 * MaxVersion));
            window[^kept..].CopyTo(block);
        }
    }

    /// <summary>Whether two files have the same bytes.</summary>
    internal static bool Same(SafeFileHandle one, SafeFileHandle other)
    {
        long length = RandomAccess.GetLength(one);
        if (length != RandomAccess.GetLength(other))
            return false;
        byte[] left = new byte[BlockSize], right = new byte[BlockSize];
        for (long offset = 0; offset < length;)
        {
            int got = RandomAccess.Read(one, left, offset);
            if (got == 0 || got != RandomAccess.Read(other, right.AsSpan(0, got), offset) || !left.AsSpan(0, got).SequenceEqual(right.AsSpan(0, got)))
                return false;
            offset += got;
        }

        return true;
    }

    /// <summary>Compares versions number by number; one that is not told is the earlier; null when there is more than numbers in them.</summary>
    internal static int? Compare(string? one, string other)
    {
        if (one is null)
            return -1;
        string[] left = one.Split('.'), right = other.Split('.');
        for (int i = 0; i < Math.Max(left.Length, right.Length); i++)
        {
            if (!int.TryParse(i < left.Length ? left[i] : "0", out int a) || !int.TryParse(i < right.Length ? right[i] : "0", out int b))
                return null;
            if (a != b)
                return a.CompareTo(b);
        }

        return 0;
    }

    private static string? Version(ReadOnlySpan<byte> bytes)
    {
        Span<char> text = stackalloc char[MaxVersion];
        for (int i = 0; i < MaxVersion && (i * 2) + 1 < bytes.Length; i++)
        {
            char character = (char)(bytes[i * 2] | (bytes[(i * 2) + 1] << 8));
            if (character == '\n')
                return i == 0 ? null : text[..i].ToString();
            if (!char.IsAsciiLetterOrDigit(character) && character is not ('.' or '-' or '+' or '~'))
                return null;
            text[i] = character;
        }

        return null;
    }
}
