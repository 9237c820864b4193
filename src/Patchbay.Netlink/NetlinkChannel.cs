namespace Patchbay.Netlink;

/// <summary>Datagrams to and from the kernel: the seam at which a test replaces the kernel by a function.</summary>
internal abstract class NetlinkChannel : IDisposable
{
    /// <summary>The port under which the kernel knows this end (nl_pid).</summary>
    internal abstract uint PortId { get; }

    /// <summary>Sends one datagram of whole messages.</summary>
    internal abstract void Send(ReadOnlySpan<byte> datagram);

    /// <summary>Receives one datagram, waiting for it.</summary>
    /// <param name="buffer">Where it goes; a longer datagram is an error.</param>
    /// <param name="timeoutMilliseconds">How long to wait; -1 for ever.</param>
    /// <returns>Its length; 0 when the time was over.</returns>
    internal abstract int Receive(Span<byte> buffer, int timeoutMilliseconds = -1);

    /// <summary>Closes it; what the kernel does at that may go on when this has returned.</summary>
    internal virtual void DisposeInBackground() => Dispose();

    /// <inheritdoc/>
    public abstract void Dispose();
}
