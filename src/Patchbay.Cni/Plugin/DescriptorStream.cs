using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Patchbay.Cni.Interop;

namespace Patchbay.Cni.Plugin;

/// <summary>A standard stream of the process: read(2) and write(2) on an inherited descriptor.</summary>
/// <remarks>
/// Not <see cref="FileStream"/>: on a regular file it writes at offsets of its own (pwrite(2)), so that the next program which shares
/// the descriptor, as in <c>{ bridge; bridge; } > log</c>, writes over what it wrote. Not System.Console: its encodings and terminal
/// set-up cost more than a whole VERSION.
/// </remarks>
internal sealed unsafe class DescriptorStream(int descriptor) : Stream
{
    private readonly SafeFileHandle _handle = new(descriptor, ownsHandle: false);

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException("a standard stream has no length");

    public override long Position
    {
        get => throw new NotSupportedException("a standard stream has no position");
        set => throw new NotSupportedException("a standard stream has no position");
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override int Read(Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            nint count;
            do
                count = Libc.read(_handle, start, (nuint)buffer.Length);
            while (count < 0 && Marshal.GetLastPInvokeError() == Libc.EINTR);
            return count >= 0 ? (int)count : throw Failed("read");
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            for (var done = 0; done < buffer.Length;)
            {
                var count = Libc.write(_handle, start + done, (nuint)(buffer.Length - done));
                if (count < 0 && Marshal.GetLastPInvokeError() != Libc.EINTR)
                    throw Failed("write");
                done += (int)Math.Max(count, 0);
            }
        }
    }

    public override void Flush()
    {
        // Nothing is kept back.
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("a standard stream cannot seek");

    public override void SetLength(long value) => throw new NotSupportedException("a standard stream has no length");

    private IOException Failed(string verb) => new($"cannot {verb} descriptor {descriptor}: {Marshal.GetLastPInvokeErrorMessage()}");
}
