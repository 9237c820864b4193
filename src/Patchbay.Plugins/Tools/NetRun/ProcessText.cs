using System.Runtime.InteropServices;
using System.Text;

namespace Patchbay.Plugins.Tools.NetRun;

/// <summary>A list of texts as execve(2) takes it: each byte is handed on as it came, UTF-8 or not.</summary>
internal sealed unsafe class ProcessText : IDisposable
{
    private byte** _table;

    private ProcessText(byte** table) => _table = table;

    /// <summary>The pointers, and a null.</summary>
    internal byte** Table => _table;

    /// <summary>The command line of this process, as the kernel has it.</summary>
    internal static byte[][] Arguments() => Split(File.ReadAllBytes("/proc/self/cmdline"));

    /// <summary>Its environment.</summary>
    internal static byte[][] Variables() => Split(File.ReadAllBytes("/proc/self/environ"));

    internal static byte[] Of(string text) => Encoding.UTF8.GetBytes(text);

    internal static ProcessText Pack(ReadOnlySpan<byte[]> texts)
    {
        int table = (texts.Length + 1) * sizeof(byte*), size = table;
        foreach (byte[] text in texts)
            size += text.Length + 1;
        byte* block = (byte*)NativeMemory.Alloc((nuint)size);
        byte* next = block + table;
        for (int i = 0; i < texts.Length; i++)
        {
            ((byte**)block)[i] = next;
            texts[i].CopyTo(new Span<byte>(next, texts[i].Length));
            next += texts[i].Length;
            *next++ = 0;
        }

        ((byte**)block)[texts.Length] = null;
        return new ProcessText((byte**)block);
    }

    public void Dispose()
    {
        NativeMemory.Free(_table);
        _table = null;
    }

    private static byte[][] Split(byte[] block)
    {
        List<byte[]> texts = [];
        for (int start = 0; start < block.Length;)
        {
            int length = Array.IndexOf(block, (byte)0, start) is >= 0 and var end ? end - start : block.Length - start;
            texts.Add(block[start..(start + length)]);
            start += length + 1;
        }

        return [.. texts];
    }
}
