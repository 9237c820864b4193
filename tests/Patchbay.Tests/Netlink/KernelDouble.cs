using Patchbay.Netlink;

namespace Patchbay.Tests.Netlink;

/// <summary>A kernel made of a function: what is sent goes in, the datagrams that answer it come out.</summary>
internal sealed class KernelDouble(Func<byte[], IEnumerable<byte[]>> answer) : NetlinkChannel
{
    private readonly Queue<byte[]> _answers = new();

    /// <summary>All datagrams that were sent.</summary>
    public List<byte[]> Sent { get; } = [];

    internal override uint PortId => 1;

    internal override void Send(ReadOnlySpan<byte> datagram)
    {
        Sent.Add(datagram.ToArray());
        foreach (var each in answer(datagram.ToArray()))
            _answers.Enqueue(each);
    }

    internal override int Receive(Span<byte> buffer, int timeoutMilliseconds = -1)
    {
        if (_answers.Count == 0)
            return timeoutMilliseconds < 0 ? throw new InvalidOperationException("the kernel would have to wait for ever") : 0;
        var next = _answers.Dequeue();
        if (next.Length == 0)
            throw new NetlinkException("receive from the kernel", Errno.NoBuffers); // an empty datagram stands for an overflow
        next.CopyTo(buffer);
        return next.Length;
    }

    public override void Dispose()
    {
    }
}
