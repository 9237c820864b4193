using System.Buffers.Binary;
using System.Text;

namespace Patchbay.Lab.Engines.Docker;

/// <summary>Takes the two outputs of a command apart again, which the engine sends in one stream (media type application/vnd.docker.raw-stream).</summary>
/// <remarks>Each piece is headed by the number of its stream, three zeros, and its length in four bytes of network order.</remarks>
internal static class OutputDemultiplexer
{
    private const int HeaderLength = 8;

    /// <summary>Reads to the end of the stream.</summary>
    /// <exception cref="InvalidDataException">It is not made of such pieces, or ends within one.</exception>
    public static async Task<(string Output, string Error)> ReadAsync(Stream stream, CancellationToken cancellation)
    {
        MemoryStream output = new(), error = new();
        var header = new byte[HeaderLength];
        var buffer = new byte[16 * 1024];
        while (true)
        {
            var got = await stream.ReadAtLeastAsync(header, HeaderLength, throwOnEndOfStream: false, cancellation).ConfigureAwait(false);
            if (got == 0)
                return (Text(output), Text(error));
            var length = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(4));
            if (got < HeaderLength || header[0] > 2 || (header[1] | header[2] | header[3]) != 0)
                throw new InvalidDataException($"a command's output begins with {Convert.ToHexStringLower(header.AsSpan(0, got))}, which heads no piece of it");
            var kept = header[0] == 2 ? error : output;
            while (length > 0)
            {
                var part = await stream.ReadAsync(buffer.AsMemory(0, (int)Math.Min(length, (uint)buffer.Length)), cancellation).ConfigureAwait(false);
                if (part == 0)
                    throw new InvalidDataException("a command's output ended within a piece");
                length -= (uint)part;
                kept.Write(buffer, 0, (int)Math.Min(part, ExecResult.MostOutput - kept.Length));
            }
        }
    }

    private static string Text(MemoryStream bytes) => Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
}
