namespace Patchbay.Netlink;

/// <summary>What sockets receive into: one for each thread that works, as a lab has hundreds of sockets and few conversations at a time.</summary>
internal static class ReceiveBuffer
{
    // The kernel builds dumps in pieces of at most 32 KiB (net/netlink/af_netlink.c, netlink_dump); single answers are far smaller.
    private const int Length = 64 * 1024;

    [ThreadStatic]
    private static byte[]? _spare;

    /// <summary>The thread's buffer, or another one when that is in use: whoever gets an answer may ask something else at once.</summary>
    public static byte[] Take()
    {
        var buffer = _spare ?? GC.AllocateUninitializedArray<byte>(Length);
        _spare = null;
        return buffer;
    }

    /// <summary>It is read; a buffer that does not come back, after an exception, is forgotten.</summary>
    public static void GiveBack(byte[] buffer) => _spare = buffer;
}
