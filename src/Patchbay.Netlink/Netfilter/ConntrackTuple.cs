using System.Net;
using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter;

/// <summary>One direction of a tracked connection: who sends to whom.</summary>
/// <param name="Source">The sender.</param>
/// <param name="Destination">The receiver.</param>
/// <param name="Protocol">IP protocol number.</param>
/// <param name="SourcePort">The sender's port; 0 for protocols without ports.</param>
/// <param name="DestinationPort">The receiver's port; 0 for protocols without ports.</param>
public sealed record ConntrackTuple(IPAddress? Source, IPAddress? Destination, byte Protocol, ushort SourcePort, ushort DestinationPort)
{
    // enum ctattr_tuple, ctattr_ip, ctattr_l4proto of include/uapi/linux/netfilter/nfnetlink_conntrack.h
    internal const ushort CTA_TUPLE_IP = 1;
    internal const ushort CTA_TUPLE_PROTO = 2;
    internal const ushort CTA_IP_V4_SRC = 1;
    internal const ushort CTA_IP_V4_DST = 2;
    internal const ushort CTA_IP_V6_SRC = 3;
    internal const ushort CTA_IP_V6_DST = 4;
    internal const ushort CTA_PROTO_NUM = 1;
    internal const ushort CTA_PROTO_SRC_PORT = 2;
    internal const ushort CTA_PROTO_DST_PORT = 3;

    internal static ConntrackTuple Decode(AttributeReader attributes)
    {
        IPAddress? source = null, destination = null;
        byte protocol = 0;
        ushort sourcePort = 0, destinationPort = 0;
        while (attributes.Next())
        {
            var inner = attributes.Nested();
            var isAddress = attributes.Type == CTA_TUPLE_IP;
            if (!isAddress && attributes.Type != CTA_TUPLE_PROTO)
                continue;
            while (inner.Next())
            {
                switch (isAddress, inner.Type)
                {
                    case (true, CTA_IP_V4_SRC or CTA_IP_V6_SRC): source = inner.Address(); break;
                    case (true, CTA_IP_V4_DST or CTA_IP_V6_DST): destination = inner.Address(); break;
                    case (false, CTA_PROTO_NUM): protocol = inner.U8(); break;
                    case (false, CTA_PROTO_SRC_PORT): sourcePort = inner.U16Be(); break;
                    case (false, CTA_PROTO_DST_PORT): destinationPort = inner.U16Be(); break;
                }
            }

            inner.ThrowIfMalformed("conntrack tuple");
        }

        attributes.ThrowIfMalformed("conntrack tuple");
        return new ConntrackTuple(source, destination, protocol, sourcePort, destinationPort);
    }
}
