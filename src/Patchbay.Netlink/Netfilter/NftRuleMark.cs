using Patchbay.Netlink.Codec;
using static Patchbay.Netlink.Netfilter.NftMessage;

namespace Patchbay.Netlink.Netfilter;

/// <summary>How a rule is told from others, without what it does: cheap to list, enough to find and delete one's own.</summary>
/// <param name="Chain">The chain's name.</param>
/// <param name="Handle">The kernel's number for the rule, unique in its table.</param>
/// <param name="Comment">Its comment, or null.</param>
/// <param name="Owner">Its owner, or null; see <see cref="NftRule.Owner"/>.</param>
public readonly record struct NftRuleMark(string Chain, ulong Handle, string? Comment, string? Owner)
{
    internal static NftRuleMark Decode(scoped in MessageReader message, string? knownChain)
    {
        var attributes = message.Fixed<NetfilterMessage.Header>(out _);
        var chain = knownChain;
        string? comment = null, owner = null;
        ulong handle = 0;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case NFTA_RULE_CHAIN: chain ??= attributes.Text(); break;
                case NFTA_RULE_HANDLE: handle = attributes.U64Be(); break;
                case NFTA_RULE_USERDATA:
                    comment = NftUserData.Find(attributes.Payload, NftUserData.Comment);
                    owner = NftUserData.Find(attributes.Payload, NftUserData.Owner);
                    break;
            }
        }

        attributes.ThrowIfMalformed("nf_tables rule");
        return new NftRuleMark(chain ?? "", handle, comment, owner);
    }
}
