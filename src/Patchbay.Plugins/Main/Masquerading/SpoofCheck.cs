using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Netfilter;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Naming;

namespace Patchbay.Plugins.Main.Masquerading;

/// <summary>macspoofchk of bridge: drops frames that a container sends under another Ethernet address than its own.</summary>
/// <remarks>
/// Names and comments are those of the reference plugin, except where nf_tables does not allow them for their length. They do not tell the
/// network, which GC needs to know, so chains and rules also carry it as their owner, where nft(8) does not show it; GC
/// leaves alone what has no owner.
/// </remarks>
internal static class SpoofCheck
{
    private const NftFamily Family = NftFamily.Bridge;
    private const string Table = "nat";
    private const string Prerouting = "PREROUTING";
    private const int Priority = -300;
    private const int LongestChain = 255;  // NFT_CHAIN_MAXNAMELEN, less the terminating zero
    private const int LongestComment = 128;
    private const int HashLength = 64;

    /// <summary>Checks the frames of an interface; rules that it has already are replaced.</summary>
    /// <param name="request">Whose interface.</param>
    /// <param name="hostInterface">The port of the bridge by which its frames come.</param>
    /// <param name="address">The address that it may use.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    internal static void Add(PluginRequest request, string hostInterface, MacAddress address)
    {
        using var nft = NftablesSocket.Open();
        var (chain, addressChain, comment, owner) = Names(request);
        var transaction = new NftablesTransaction();
        // To add a chain again counts as a change of it, and changes are waited for when the socket is closed (NftablesMasquerade).
        var found = nft.FindChains((Family, Table, Prerouting), (Family, Table, chain), (Family, Table, addressChain));
        if (found[0] is null)
        {
            transaction.Add(new NftTable(Family, Table));
            transaction.Add(BaseChain());
        }

        if (found[1] is not null)
            DeleteJumps(nft, transaction, rule => rule.Comment == comment);
        Empty(chain, found[1] is not null);
        Empty(addressChain, found[2] is not null);
        Rule(Prerouting, rule => rule.Input(hostInterface).Jump(chain));
        Rule(chain, rule => rule.Jump(addressChain));
        Rule(addressChain, rule => rule.EthernetSource(address).Return());
        Rule(addressChain, rule => rule.Drop());
        nft.Commit(transaction);

        void Empty(string name, bool exists)
        {
            if (exists)
                transaction.Flush(Family, Table, name);
            else
                transaction.Add(new NftChain(Family, Table, name) { Owner = owner });
        }

        void Rule(string of, Func<NftRuleBuilder, NftRuleBuilder> compose) =>
            transaction.Add(new NftRule(Family, Table, of, compose(new NftRuleBuilder(Family)).Build()) { Comment = comment, Owner = owner });
    }

    /// <summary>Removes the check of an interface; nothing there is no error.</summary>
    /// <param name="request">Whose interface.</param>
    /// <returns>The socket, to be closed last: closing it waits until the kernel has freed what was deleted.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    internal static IDisposable Remove(PluginRequest request)
    {
        var nft = NftablesSocket.Open();
        try
        {
            Remove(nft, request);
        }
        catch (NetlinkException) when (!nft.IsAvailable())
        {
            // A kernel without nf_tables has no rules in it.
        }
        catch
        {
            nft.Dispose();
            throw;
        }

        return nft;
    }

    private static void Remove(NftablesSocket nft, PluginRequest request)
    {
        var (chain, addressChain, comment, _) = Names(request);
        var found = nft.FindChains((Family, Table, chain), (Family, Table, addressChain));
        var transaction = new NftablesTransaction();
        if (found[0] is not null)
        {
            DeleteJumps(nft, transaction, rule => rule.Comment == comment);
            DeleteChain(transaction, chain);
        }

        if (found[1] is not null)
            DeleteChain(transaction, addressChain);
        nft.Commit(transaction);
    }

    /// <summary>Removes checks of a network's interfaces that are not valid any more.</summary>
    /// <param name="network">The network's name.</param>
    /// <param name="valid">The interfaces that stay.</param>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    internal static void Collect(string network, IReadOnlyList<CniAttachment> valid)
    {
        using var nft = NftablesSocket.Open();
        if (!nft.IsAvailable())
            return;
        var ofNetwork = $"{NameHash.Network(network)}-";
        var keep = new HashSet<string>();
        foreach (var attachment in valid)
            keep.Add(new MasqueradeName(network, attachment.ContainerId, attachment.IfName).Mark);
        var transaction = new NftablesTransaction();
        DeleteJumps(nft, transaction, rule => IsStale(rule.Owner));
        // A chain can go only after those that jump to it, and "…-mac" is the one that is jumped to.
        foreach (var chain in nft.ListChains(Family, Table).Where(chain => IsStale(chain.Owner)).OrderBy(chain => chain.Name.Length))
            DeleteChain(transaction, chain.Name);
        nft.Commit(transaction);

        bool IsStale(string? owner) => owner is not null && owner.StartsWith(ofNetwork, StringComparison.Ordinal) && !keep.Contains(owner);
    }

    /// <summary>Makes sure, for STATUS, that the kernel can check.</summary>
    /// <exception cref="CniException">Code 50: it cannot.</exception>
    internal static void RequireKernel()
    {
        try
        {
            using var nft = NftablesSocket.Open();
            var transaction = new NftablesTransaction();
            transaction.Add(new NftTable(Family, Table));
            transaction.Add(BaseChain());
            nft.Verify(transaction);
        }
        catch (NetlinkException error)
        {
            throw new CniException(CniError.PluginNotAvailable, $"macspoofchk cannot use nf_tables on bridges: {error.Message}", inner: error);
        }
    }

    private static NftChain BaseChain() => new(Family, Table, Prerouting) { Hook = new NftHook("filter", NftHookPoint.Prerouting, Priority) };

    private static void DeleteJumps(NftablesSocket nft, NftablesTransaction transaction, Func<NftRuleMark, bool> isMeant)
    {
        foreach (var rule in nft.ListRuleMarks(Family, Table, Prerouting))
        {
            if (isMeant(rule))
                transaction.DeleteRule(Family, Table, Prerouting, rule.Handle, Tolerated.Missing);
        }
    }

    private static void DeleteChain(NftablesTransaction transaction, string chain)
    {
        transaction.Flush(Family, Table, chain, Tolerated.Missing);
        transaction.DeleteChain(Family, Table, chain, Tolerated.Missing);
    }

    private static (string Chain, string AddressChain, string Comment, string Owner) Names(PluginRequest request)
    {
        var instance = $"{request.ContainerId}-{request.IfName}";
        const string ChainPrefix = "cni-br-iface-", AddressSuffix = "-mac", CommentPrefix = "macspoofchk-";
        var chain = Name(ChainPrefix, instance, LongestChain - AddressSuffix.Length);
        return (chain, chain + AddressSuffix, Name(CommentPrefix, instance, LongestComment), new MasqueradeName(request).Mark);
    }

    // The name of an interface may hold anything but white space, slashes and colons; a quote ends a comment for nft(8).
    private static string Name(string prefix, string instance, int longest) =>
        Encoding.UTF8.GetByteCount(prefix + instance) <= longest && !instance.Contains('"', StringComparison.Ordinal)
            ? prefix + instance
            : NameHash.Cut(prefix, instance, prefix.Length + HashLength);
}
