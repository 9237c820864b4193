using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;

namespace Patchbay.Plugins.PacketFilter;

/// <summary>Changes of nf_tables that rest on what was read there before.</summary>
internal static class GuardedCommit
{
    // Somebody else's transaction between our reading and our writing makes us read again; it takes many writers to lose this often.
    private const int Attempts = 50;

    /// <summary>Commits what a state calls for, and reads the state again as often as somebody changes it in between.</summary>
    /// <param name="nft">nf_tables.</param>
    /// <param name="compose">Makes the transaction for a generation, which it must be given.</param>
    internal static void Repeat(NftablesSocket nft, Func<uint, NftablesTransaction> compose)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                nft.Commit(compose(nft.Generation()));
                return;
            }
            catch (NetlinkException error) when (error.Error == Errno.Restart && attempt < Attempts)
            {
            }
        }
    }
}
