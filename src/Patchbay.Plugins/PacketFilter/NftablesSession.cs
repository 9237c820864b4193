using Patchbay.Netlink.Netfilter;

namespace Patchbay.Plugins.PacketFilter;

/// <summary>Work on nf_tables by a socket of its own.</summary>
internal static class NftablesSession
{
    internal static void Run(Action<NftablesSocket> work) => Run(nft =>
    {
        work(nft);
        return true;
    });

    internal static T Run<T>(Func<NftablesSocket, T> work)
    {
        var nft = NftablesSocket.Open();
        try
        {
            return work(nft);
        }
        finally
        {
            // For a while after a deletion the kernel makes wait whoever closes a socket, not only who deleted.
            nft.DisposeInBackground();
        }
    }
}
