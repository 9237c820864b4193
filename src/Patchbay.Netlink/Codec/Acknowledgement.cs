using System.Runtime.InteropServices;

namespace Patchbay.Netlink.Codec;

/// <summary>Reads NLMSG_ERROR (struct nlmsgerr and the attributes NLMSGERR_ATTR_*), which reports failure and, with error 0, success.</summary>
internal static class Acknowledgement
{
    private const ushort Capped = 0x100;      // NLM_F_CAPPED: of the request only its header was sent back
    private const ushort HasDetails = 0x200;  // NLM_F_ACK_TLVS
    private const ushort MessageText = 1;     // NLMSGERR_ATTR_MSG
    private const ushort AttributeOffset = 2; // NLMSGERR_ATTR_OFFS

    /// <summary>Whether a NLMSG_ERROR or NLMSG_DONE reports success: the error number at its start is 0.</summary>
    internal static bool IsSuccess(scoped in MessageReader message) =>
        message.Payload.Length >= 4 && MemoryMarshal.Read<int>(message.Payload) == 0;

    /// <summary>The error of an acknowledgement; null when it reports success.</summary>
    internal static NetlinkException? Read(scoped in MessageReader message, string operation)
    {
        var payload = message.Payload;
        if (payload.Length < 4 + MessageWriter.HeaderLength)
            throw new NetlinkException(operation, $"malformed acknowledgement of {payload.Length} bytes");
        var error = MemoryMarshal.Read<int>(payload);
        if (error == 0)
            return null;
        if (!message.Flags.HasFlag((NetlinkFlags)HasDetails))
            return new NetlinkException(operation, (Errno)(-error));
        var request = message.Flags.HasFlag((NetlinkFlags)Capped)
            ? MessageWriter.HeaderLength
            : (int)Math.Min(MemoryMarshal.Read<uint>(payload[4..]), (uint)payload.Length);
        return Error(operation, -error, payload[Math.Min(4 + ((request + 3) & ~3), payload.Length)..]);
    }

    /// <summary>An error with the details that follow it.</summary>
    internal static NetlinkException Error(string operation, int error, ReadOnlySpan<byte> details)
    {
        string? text = null;
        var offset = -1;
        var attributes = new AttributeReader(details);
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case MessageText: text = attributes.Text(); break;
                case AttributeOffset: offset = attributes.S32(); break;
            }
        }

        return new NetlinkException(operation, (Errno)error, text, offset);
    }
}
