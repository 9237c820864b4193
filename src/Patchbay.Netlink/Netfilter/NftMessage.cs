namespace Patchbay.Netlink.Netfilter;

/// <summary>Message types and attributes of nf_tables (include/uapi/linux/netfilter/nf_tables.h), in the kernel's own names.</summary>
internal static class NftMessage
{
    private const ushort Subsystem = NetfilterMessage.NfTables << 8;

    internal const ushort GETGEN = Subsystem | 16;
    internal const ushort NFTA_GEN_ID = 1;

    internal const ushort NEWTABLE = Subsystem | 0;
    internal const ushort GETTABLE = Subsystem | 1;
    internal const ushort DELTABLE = Subsystem | 2;
    internal const ushort NEWCHAIN = Subsystem | 3;
    internal const ushort GETCHAIN = Subsystem | 4;
    internal const ushort DELCHAIN = Subsystem | 5;
    internal const ushort NEWRULE = Subsystem | 6;
    internal const ushort GETRULE = Subsystem | 7;
    internal const ushort DELRULE = Subsystem | 8;
    internal const ushort NEWSET = Subsystem | 9;
    internal const ushort GETSET = Subsystem | 10;
    internal const ushort DELSET = Subsystem | 11;
    internal const ushort NEWSETELEM = Subsystem | 12;
    internal const ushort GETSETELEM = Subsystem | 13;
    internal const ushort DELSETELEM = Subsystem | 14;

    internal const ushort NFTA_LIST_ELEM = 1;

    internal const ushort NFTA_TABLE_NAME = 1;
    internal const ushort NFTA_TABLE_FLAGS = 2;
    internal const ushort NFTA_TABLE_USE = 3;
    internal const ushort NFTA_TABLE_HANDLE = 4;
    internal const ushort NFTA_TABLE_USERDATA = 6;

    internal const ushort NFTA_CHAIN_TABLE = 1;
    internal const ushort NFTA_CHAIN_HANDLE = 2;
    internal const ushort NFTA_CHAIN_NAME = 3;
    internal const ushort NFTA_CHAIN_HOOK = 4;
    internal const ushort NFTA_CHAIN_POLICY = 5;
    internal const ushort NFTA_CHAIN_USE = 6;
    internal const ushort NFTA_CHAIN_TYPE = 7;
    internal const ushort NFTA_CHAIN_USERDATA = 12;

    internal const ushort NFTA_HOOK_HOOKNUM = 1;
    internal const ushort NFTA_HOOK_PRIORITY = 2;
    internal const ushort NFTA_HOOK_DEV = 3;

    internal const ushort NFTA_RULE_TABLE = 1;
    internal const ushort NFTA_RULE_CHAIN = 2;
    internal const ushort NFTA_RULE_HANDLE = 3;
    internal const ushort NFTA_RULE_EXPRESSIONS = 4;
    internal const ushort NFTA_RULE_POSITION = 6;
    internal const ushort NFTA_RULE_USERDATA = 7;

    internal const ushort NFTA_SET_TABLE = 1;
    internal const ushort NFTA_SET_NAME = 2;
    internal const ushort NFTA_SET_FLAGS = 3;
    internal const ushort NFTA_SET_KEY_TYPE = 4;
    internal const ushort NFTA_SET_KEY_LEN = 5;
    internal const ushort NFTA_SET_DATA_TYPE = 6;
    internal const ushort NFTA_SET_DATA_LEN = 7;
    internal const ushort NFTA_SET_DESC = 9;
    internal const ushort NFTA_SET_ID = 10;
    internal const ushort NFTA_SET_TIMEOUT = 11;
    internal const ushort NFTA_SET_USERDATA = 13;
    internal const ushort NFTA_SET_HANDLE = 16;
    internal const ushort NFTA_SET_DESC_SIZE = 1;
    internal const ushort NFTA_SET_DESC_CONCAT = 2;
    internal const ushort NFTA_SET_FIELD_LEN = 1;

    internal const ushort NFTA_SET_ELEM_LIST_TABLE = 1;
    internal const ushort NFTA_SET_ELEM_LIST_SET = 2;
    internal const ushort NFTA_SET_ELEM_LIST_ELEMENTS = 3;
    internal const ushort NFTA_SET_ELEM_LIST_SET_ID = 4;

    internal const ushort NFTA_SET_ELEM_KEY = 1;
    internal const ushort NFTA_SET_ELEM_DATA = 2;
    internal const ushort NFTA_SET_ELEM_FLAGS = 3;
    internal const ushort NFTA_SET_ELEM_TIMEOUT = 4;
    internal const ushort NFTA_SET_ELEM_EXPIRATION = 5;
    internal const ushort NFTA_SET_ELEM_USERDATA = 6;
    internal const ushort NFTA_SET_ELEM_KEY_END = 10;

    internal const ushort NFTA_DATA_VALUE = 1;
    internal const ushort NFTA_DATA_VERDICT = 2;
    internal const ushort NFTA_VERDICT_CODE = 1;
    internal const ushort NFTA_VERDICT_CHAIN = 2;

    internal const ushort NFTA_EXPR_NAME = 1;
    internal const ushort NFTA_EXPR_DATA = 2;
}
