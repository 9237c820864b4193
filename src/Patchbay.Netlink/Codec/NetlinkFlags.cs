namespace Patchbay.Netlink.Codec;

/// <summary>Flags of a netlink message header (NLM_F_*, include/uapi/linux/netlink.h).</summary>
[Flags]
public enum NetlinkFlags : ushort
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>NLM_F_REQUEST: goes to the kernel.</summary>
    Request = 1,

    /// <summary>NLM_F_MULTI: part of an answer in several messages.</summary>
    Multi = 2,

    /// <summary>NLM_F_ACK: acknowledge success too, not only failure.</summary>
    Ack = 4,

    /// <summary>NLM_F_ECHO: send the resulting object back.</summary>
    Echo = 8,

    /// <summary>NLM_F_DUMP_INTR: the list changed while it was being dumped.</summary>
    DumpInterrupted = 0x10,

    /// <summary>NLM_F_DUMP (ROOT and MATCH): list all.</summary>
    Dump = 0x300,

    /// <summary>NLM_F_REPLACE: replace an existing object.</summary>
    Replace = 0x100,

    /// <summary>NLM_F_EXCL: fail if the object exists.</summary>
    Exclusive = 0x200,

    /// <summary>NLM_F_CREATE: create the object if it is missing.</summary>
    Create = 0x400,

    /// <summary>NLM_F_APPEND: add at the end of the list.</summary>
    Append = 0x800,
}
