using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.SystemTests.Harness;

namespace Patchbay.SystemTests.Netlink;

/// <summary>Transactions that rest on a state which somebody else may change meanwhile.</summary>
public class NftablesGenerationTests
{
    [Fact]
    public void Transaction_on_an_old_state_does_nothing()
    {
        using TestHost host = TestHost.Create();
        using NetworkNamespace space = NetworkNamespace.Open(host.Path);
        using NftablesSocket nft = NftablesSocket.Open(space);
        uint old = nft.Generation();
        Assert.Equal(old, nft.Generation());
        host.Run("nft", "add", "table", "inet", "other").Check();
        Assert.NotEqual(old, nft.Generation());

        NetlinkException failure = Assert.Throws<NetlinkException>(() => nft.Commit(Table(old)));
        Assert.Equal(Errno.Restart, failure.Error);
        Assert.DoesNotContain("mine", host.Run("nft", "list", "tables").Check().StandardOutput, StringComparison.Ordinal);

        nft.Commit(Table(nft.Generation()));
        Assert.Contains("mine", host.Run("nft", "list", "tables").Check().StandardOutput, StringComparison.Ordinal);
    }

    private static NftablesTransaction Table(uint generation)
    {
        var transaction = new NftablesTransaction(generation);
        transaction.Add(new NftTable(NftFamily.Inet, "mine"));
        return transaction;
    }
}
