using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Patchbay.Netlink.Netfilter;

/// <summary>What all messages of NETLINK_NETFILTER share (include/uapi/linux/netfilter/nfnetlink.h).</summary>
internal static class NetfilterMessage
{
    internal const ushort BatchBegin = 0x10; // NFNL_MSG_BATCH_BEGIN
    internal const ushort BatchEnd = 0x11;   // NFNL_MSG_BATCH_END
    internal const ushort BatchGeneration = 1; // NFNL_BATCH_GENID
    internal const int NfTables = 10;        // NFNL_SUBSYS_NFTABLES
    internal const int Conntrack = 1;        // NFNL_SUBSYS_CTNETLINK

    /// <summary>struct nfgenmsg.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal readonly struct Header(byte family, ushort resource = 0, byte version = 0)
    {
        internal readonly byte Family = family;
        internal readonly byte Version = version;
        private readonly ushort _resource = BinaryPrimitives.ReverseEndianness(resource);

        /// <summary>res_id: the subsystem of a batch; in answers the low half of the ruleset's generation.</summary>
        internal ushort Resource => BinaryPrimitives.ReverseEndianness(_resource);
    }
}
