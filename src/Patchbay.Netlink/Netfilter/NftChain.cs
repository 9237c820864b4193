using Patchbay.Netlink.Codec;
using static Patchbay.Netlink.Netfilter.NftMessage;

namespace Patchbay.Netlink.Netfilter;

/// <summary>A chain: a list of rules, entered by a hook or by jumps.</summary>
/// <param name="Family">The table's family.</param>
/// <param name="Table">The table's name.</param>
/// <param name="Name">Its name, unique in the table, at most 255 bytes.</param>
public sealed record NftChain(NftFamily Family, string Table, string Name)
{
    /// <summary>Where a base chain is entered; null for a regular chain, which is entered by jumps only.</summary>
    public NftHook? Hook { get; init; }

    /// <summary>The comment that nft(8) shows, at most 128 bytes; null for none.</summary>
    public string? Comment { get; init; }

    /// <summary>Whose chain it is, for the owner's own cleanup: kept in the user data, where nft(8) does not show it; null for nobody's.</summary>
    public string? Owner { get; init; }

    /// <summary>The kernel's number for it; 0 when it did not come from the kernel.</summary>
    public ulong Handle { get; init; }

    /// <summary>Number of rules inside and of jumps to it; known of listed chains only.</summary>
    public int UseCount { get; init; }

    // The devices' own points are numbered from 0 in family netdev.
    private const uint NetdevOffset = (uint)NftHookPoint.Ingress;

    internal void Encode(MessageWriter writer)
    {
        writer.Fixed(new NetfilterMessage.Header((byte)Family));
        writer.Text(NFTA_CHAIN_TABLE, Table);
        writer.Text(NFTA_CHAIN_NAME, Name);
        NftUserData.Write(writer, NFTA_CHAIN_USERDATA, Comment, Owner);
        if (Hook is null)
            return;
        writer.Text(NFTA_CHAIN_TYPE, Hook.Type);
        writer.U32Be(NFTA_CHAIN_POLICY, Hook.Drop ? 0u : 1); // NF_DROP, NF_ACCEPT
        using var hook = writer.Nested(NFTA_CHAIN_HOOK);
        writer.U32Be(NFTA_HOOK_HOOKNUM, (uint)Hook.Point - (Family == NftFamily.Netdev ? NetdevOffset : 0));
        writer.U32Be(NFTA_HOOK_PRIORITY, (uint)Hook.Priority);
        if (Hook.Device is not null)
            writer.Text(NFTA_HOOK_DEV, Hook.Device);
    }

    internal static NftChain Decode(scoped in MessageReader message)
    {
        var attributes = message.Fixed<NetfilterMessage.Header>(out var header);
        string table = "", name = "";
        string? comment = null, owner = null, type = null, device = null;
        uint point = 0, priority = 0, policy = 1, use = 0;
        ulong handle = 0;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_CHAIN_TABLE: table = attributes.Text(); break;
                case NFTA_CHAIN_NAME: name = attributes.Text(); break;
                case NFTA_CHAIN_HANDLE: handle = attributes.U64Be(); break;
                case NFTA_CHAIN_TYPE: type = attributes.Text(); break;
                case NFTA_CHAIN_POLICY: policy = attributes.U32Be(); break;
                case NFTA_CHAIN_USE: use = attributes.U32Be(); break;
                case NFTA_CHAIN_USERDATA:
                    comment = NftUserData.Find(attributes.Payload, NftUserData.Comment);
                    owner = NftUserData.Find(attributes.Payload, NftUserData.Owner);
                    break;
                case NFTA_CHAIN_HOOK:
                    var hook = attributes.Nested();
                    while (hook.Next())
                    {
                        switch (hook.Type)
                        {
                            case NFTA_HOOK_HOOKNUM: point = hook.U32Be(); break;
                            case NFTA_HOOK_PRIORITY: priority = hook.U32Be(); break;
                            case NFTA_HOOK_DEV: device = hook.Text(); break;
                        }
                    }

                    hook.ThrowIfMalformed("nf_tables hook");
                    break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables chain");
        return new NftChain((NftFamily)header.Family, table, name)
        {
            Hook = type is null ? null : new NftHook(type, (NftHookPoint)(point + (header.Family == (byte)NftFamily.Netdev ? NetdevOffset : 0)), (int)priority) { Drop = policy == 0, Device = device },
            Comment = comment,
            Owner = owner,
            Handle = handle,
            UseCount = (int)use,
        };
    }
}
