using Patchbay.Netlink.Codec;

namespace Patchbay.Netlink.Netfilter;

/// <summary>A tracked connection.</summary>
/// <param name="Original">As the first packet went.</param>
/// <param name="Reply">As answers come.</param>
/// <param name="Id">The kernel's number for it.</param>
public sealed record ConntrackEntry(ConntrackTuple Original, ConntrackTuple Reply, uint Id)
{
    internal const ushort CTA_TUPLE_ORIG = 1;
    internal const ushort CTA_MARK = 8;
    internal const ushort CTA_ID = 12;
    private const ushort CTA_TUPLE_REPLY = 2;
    private const ushort CTA_ZONE = 18;

    /// <summary>The mark that rules gave it: <c>ct mark</c>; 0 for none.</summary>
    public uint Mark { get; init; }

    /// <summary>CTA_TUPLE_ORIG as it came, which names the connection to the kernel.</summary>
    internal byte[] Key { get; private init; } = [];

    /// <summary>Its zone; 0 for the usual one.</summary>
    internal ushort Zone { get; private init; }

    internal static ConntrackEntry Decode(scoped in MessageReader message)
    {
        var attributes = message.Fixed<NetfilterMessage.Header>(out _);
        var none = new ConntrackTuple(null, null, 0, 0, 0);
        ConntrackTuple original = none, reply = none;
        byte[] key = [];
        uint id = 0, mark = 0;
        ushort zone = 0;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case CTA_TUPLE_ORIG:
                    original = ConntrackTuple.Decode(attributes.Nested());
                    key = attributes.Payload.ToArray();
                    break;
                case CTA_TUPLE_REPLY: reply = ConntrackTuple.Decode(attributes.Nested()); break;
                case CTA_MARK: mark = attributes.U32Be(); break;
                case CTA_ID: id = attributes.U32Be(); break;
                case CTA_ZONE: zone = attributes.U16Be(); break;
            }
        }

        attributes.ThrowIfMalformed("conntrack entry");
        return new ConntrackEntry(original, reply, id) { Mark = mark, Key = key, Zone = zone };
    }

    /// <summary>Writes what names the connection: its tuple, and its number so that no successor is meant.</summary>
    internal void EncodeName(MessageWriter writer)
    {
        using (writer.Nested(CTA_TUPLE_ORIG))
            writer.Raw(Key);
        writer.U32Be(CTA_ID, Id);
        if (Zone != 0)
            writer.U16Be(CTA_ZONE, Zone);
    }
}
