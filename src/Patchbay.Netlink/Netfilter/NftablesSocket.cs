using Patchbay.Netlink.Codec;
using static Patchbay.Netlink.Netfilter.NftMessage;

namespace Patchbay.Netlink.Netfilter;

/// <summary>nf_tables of one network namespace: commits transactions and lists what is there.</summary>
/// <remarks>Not for several threads at a time.</remarks>
public sealed class NftablesSocket : IDisposable
{
    // The kernel repeats a batch itself when it had to load a module; what still comes through is worth a few more tries.
    private const int CommitAttempts = 8;

    private readonly NetlinkSocket _socket;

    internal NftablesSocket(NetlinkSocket socket) => _socket = socket;

    /// <summary>Opens a socket in the calling thread's network namespace.</summary>
    /// <returns>The socket.</returns>
    /// <exception cref="NetlinkException">The kernel lacks NETLINK_NETFILTER.</exception>
    public static NftablesSocket Open() => new(NetlinkSocket.Open(NetlinkFamily.Netfilter));

    /// <summary>Opens a socket in another network namespace.</summary>
    /// <param name="networkNamespace">Where.</param>
    /// <returns>The socket.</returns>
    /// <exception cref="NetlinkException">The kernel lacks NETLINK_NETFILTER, or the namespace may not be entered.</exception>
    public static NftablesSocket Open(NetworkNamespace networkNamespace) => new(NetlinkSocket.Open(NetlinkFamily.Netfilter, networkNamespace));

    /// <summary>Tells whether the kernel has nf_tables at all.</summary>
    /// <returns>False when it does not know this part of NETLINK_NETFILTER, which it says by EINVAL or EOPNOTSUPP.</returns>
    /// <exception cref="NetlinkException">Another error, such as no permission.</exception>
    public bool IsAvailable()
    {
        try
        {
            ListTables();
            return true;
        }
        catch (NetlinkException error) when (error.Error is Errno.Invalid or Errno.NotSupported)
        {
            return false;
        }
    }

    /// <summary>Carries out a transaction: all of it, or nothing.</summary>
    /// <param name="transaction">The commands; an empty one does nothing.</param>
    /// <exception cref="NetlinkException">The first command that failed, by name, or the transaction itself (no permission, no nf_tables).</exception>
    public void Commit(NftablesTransaction transaction)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        if (transaction.Count == 0)
            return;
        var batch = transaction.Close();
        var attempt = 0;
        while (batch.Count > 2)
        {
            var failures = _socket.Commit(batch);
            if (failures.Count == 0)
                return;
            if (failures[0] is { Index: 0, Error.Error: Errno.TryAgain or Errno.Interrupted } && ++attempt < CommitAttempts)
                continue;
            var tolerated = new HashSet<int>();
            foreach (var (index, error) in failures)
            {
                if (!batch.Requests[index].Accepts(error.Error))
                    throw error;
                tolerated.Add(index);
            }

            // One command that fails takes all others with it, so those that may fail are left out and the rest is tried again.
            batch = batch.Without(tolerated);
        }
    }

    /// <summary>Tells whether the kernel would carry out a transaction, and carries out nothing.</summary>
    /// <remarks>A command that must fail is added at the end, so the kernel tries each and then undoes them all.</remarks>
    /// <param name="transaction">The commands.</param>
    /// <exception cref="NetlinkException">The first command that would fail.</exception>
    public void Verify(NftablesTransaction transaction)
    {
        ArgumentNullException.ThrowIfNull(transaction);
        transaction.DeleteTable(NftFamily.Inet, "no table has this name but one made to break a dry run");
        var batch = transaction.Close();
        var last = batch.Count - 2;
        foreach (var (index, error) in _socket.Commit(batch))
        {
            if (index != last && !batch.Requests[index].Accepts(error.Error))
                throw error;
        }
    }

    /// <summary>The number of the ruleset's present state, which every committed transaction of anybody changes.</summary>
    /// <returns>The number, for <see cref="NftablesTransaction(uint?)"/>.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public uint Generation()
    {
        uint generation = 0;
        var batch = new NetlinkBatch();
        batch.Begin(GETGEN, NetlinkFlags.None, "read generation of nf_tables", reply: (scoped in MessageReader message) =>
        {
            var attributes = message.Fixed<NetfilterMessage.Header>(out _);
            while (attributes.Next())
            {
                if (attributes.Type == NFTA_GEN_ID)
                    generation = attributes.U32Be();
            }

            attributes.ThrowIfMalformed("nf_tables generation");
        });
        batch.Writer.Fixed(new NetfilterMessage.Header(0));
        batch.End();
        _socket.Execute(batch);
        return generation;
    }

    /// <summary>Lists tables.</summary>
    /// <param name="family">Of which family; <see cref="NftFamily.Unspecified"/> for all.</param>
    /// <returns>The tables.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IReadOnlyList<NftTable> ListTables(NftFamily family = NftFamily.Unspecified) =>
        Dump<NftTable>(Listing(GETTABLE, family, "list tables"), static (scoped in MessageReader message, List<NftTable> all) => all.Add(NftTable.Decode(message)));

    /// <summary>Lists chains.</summary>
    /// <param name="family">Of which family; <see cref="NftFamily.Unspecified"/> for all.</param>
    /// <param name="table">Of which table; null for all.</param>
    /// <returns>The chains.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IReadOnlyList<NftChain> ListChains(NftFamily family = NftFamily.Unspecified, string? table = null) =>
        Dump<NftChain>(Listing(GETCHAIN, family, "list chains"), (scoped in MessageReader message, List<NftChain> all) =>
        {
            var chain = NftChain.Decode(message);
            if (table is null || chain.Table == table)
                all.Add(chain);
        });

    /// <summary>Lists rules in their order.</summary>
    /// <param name="family">Of which family; <see cref="NftFamily.Unspecified"/> for all.</param>
    /// <param name="table">Of which table; null for all.</param>
    /// <param name="chain">Of which chain; null for all.</param>
    /// <returns>The rules; none when the table or chain does not exist.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IReadOnlyList<NftRule> ListRules(NftFamily family = NftFamily.Unspecified, string? table = null, string? chain = null) =>
        Dump<NftRule>(RuleListing(family, table, chain), static (scoped in MessageReader message, List<NftRule> all) => all.Add(NftRule.Decode(message)));

    /// <summary>Lists the rules of a chain that hold any of some bytes: an address that they compare with, a name that they jump to.</summary>
    /// <remarks>The kernel goes through the whole chain in any case, but rules without the bytes are not decoded. With them, a rule may still mean something else.</remarks>
    /// <param name="family">Of which family.</param>
    /// <param name="table">Of which table.</param>
    /// <param name="chain">Of which chain.</param>
    /// <param name="any">The bytes, as the kernel has them.</param>
    /// <returns>The rules in their order; none when the table or chain does not exist.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IReadOnlyList<NftRule> ListRulesHolding(NftFamily family, string table, string chain, params IReadOnlyList<byte[]> any)
    {
        ArgumentNullException.ThrowIfNull(any);
        return Dump<NftRule>(RuleListing(family, table, chain), (scoped in MessageReader message, List<NftRule> all) =>
        {
            foreach (var bytes in any)
            {
                if (message.Payload.IndexOf(bytes) < 0)
                    continue;
                all.Add(NftRule.Decode(message));
                return;
            }
        });
    }

    /// <summary>Looks rules of a chain up by their handles, all in one go: the kernel answers for those alone.</summary>
    /// <param name="family">Of which family.</param>
    /// <param name="table">Of which table.</param>
    /// <param name="chain">Of which chain.</param>
    /// <param name="handles">The handles.</param>
    /// <returns>Those that are there.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IReadOnlyList<NftRule> FindRules(NftFamily family, string table, string chain, IEnumerable<ulong> handles)
    {
        ArgumentNullException.ThrowIfNull(handles);
        var found = new List<NftRule>();
        var batch = new NetlinkBatch();
        foreach (var handle in handles)
        {
            batch.Begin(GETRULE, NetlinkFlags.None, "look up rule in", new NftName(family, table, chain), Tolerated.Missing, (scoped in MessageReader message) => found.Add(NftRule.Decode(message)));
            batch.Writer.Fixed(new NetfilterMessage.Header((byte)family));
            batch.Writer.Text(NFTA_RULE_TABLE, table);
            batch.Writer.Text(NFTA_RULE_CHAIN, chain);
            batch.Writer.U64Be(NFTA_RULE_HANDLE, handle);
            batch.End();
        }

        _socket.Execute(batch);
        return found;
    }

    /// <summary>Lists the handles and comments of rules, without what they do.</summary>
    /// <param name="family">Of which family.</param>
    /// <param name="table">Of which table.</param>
    /// <param name="chain">Of which chain; null for all.</param>
    /// <returns>The marks; none when the table or chain does not exist.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IReadOnlyList<NftRuleMark> ListRuleMarks(NftFamily family, string table, string? chain = null) =>
        Dump<NftRuleMark>(RuleListing(family, table, chain), (scoped in MessageReader message, List<NftRuleMark> all) => all.Add(NftRuleMark.Decode(message, chain)));

    /// <summary>Lists sets and maps.</summary>
    /// <param name="family">Of which family; <see cref="NftFamily.Unspecified"/> for all.</param>
    /// <param name="table">Of which table; null for all.</param>
    /// <returns>The sets, anonymous ones too.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IReadOnlyList<NftSet> ListSets(NftFamily family = NftFamily.Unspecified, string? table = null) =>
        Dump<NftSet>(Listing(GETSET, family, "list sets"), (scoped in MessageReader message, List<NftSet> all) =>
        {
            var set = NftSet.Decode(message);
            if (table is null || set.Table == table)
                all.Add(set);
        });

    /// <summary>Lists the elements of a set or map.</summary>
    /// <param name="set">The set; of a simple type with ranges, the ranges are put together.</param>
    /// <returns>The elements.</returns>
    /// <exception cref="NetlinkException">The set does not exist, or the kernel refused.</exception>
    public IReadOnlyList<NftSetElement> ListElements(NftSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        var batch = new NetlinkBatch();
        batch.Begin(GETSETELEM, NetlinkFlags.Dump, "list elements", new NftName(set.Family, set.Table, set.Name));
        batch.Writer.Fixed(new NetfilterMessage.Header((byte)set.Family));
        batch.Writer.Text(NFTA_SET_ELEM_LIST_TABLE, set.Table);
        batch.Writer.Text(NFTA_SET_ELEM_LIST_SET, set.Name);
        batch.End();
        var pieces = Dump<(NftSetElement Element, bool IsEnd)>(batch, ReadElements);
        return set.Interval && !set.IsRangeOfParts ? NftSetElement.JoinRanges(pieces) : pieces.ConvertAll(static piece => piece.Element);
    }

    /// <summary>Looks elements up by their keys, all in one go: <c>nft get element</c>.</summary>
    /// <param name="set">The set or map, without ranges.</param>
    /// <param name="keys">The keys.</param>
    /// <returns>Those that are there, in the order of the keys; none when there is no such set.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IReadOnlyList<NftSetElement> FindElements(NftSet set, IReadOnlyList<byte[]> keys)
    {
        ArgumentNullException.ThrowIfNull(set);
        ArgumentNullException.ThrowIfNull(keys);
        var pieces = new List<(NftSetElement Element, bool IsEnd)>();
        if (keys.Count == 0)
            return [];
        var batch = new NetlinkBatch();
        foreach (var key in keys)
        {
            batch.Begin(GETSETELEM, NetlinkFlags.None, "look up element of", new NftName(set.Family, set.Table, set.Name), Tolerated.Missing, (scoped in MessageReader message) => ReadElements(message, pieces));
            batch.Writer.Fixed(new NetfilterMessage.Header((byte)set.Family));
            batch.Writer.Text(NFTA_SET_ELEM_LIST_TABLE, set.Table);
            batch.Writer.Text(NFTA_SET_ELEM_LIST_SET, set.Name);
            using (batch.Writer.Nested(NFTA_SET_ELEM_LIST_ELEMENTS))
                new NftSetElement(key).Encode(batch.Writer, set, index: 1);
            batch.End();
        }

        _socket.Execute(batch);
        return pieces.ConvertAll(static piece => piece.Element);
    }

    /// <summary>Looks chains up, all in one go.</summary>
    /// <param name="chains">Family, table and name of each.</param>
    /// <returns>Each as it is; null for one that does not exist.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public NftChain?[] FindChains(params ReadOnlySpan<(NftFamily Family, string Table, string Name)> chains)
    {
        var found = new NftChain?[chains.Length];
        var batch = new NetlinkBatch();
        for (var i = 0; i < chains.Length; i++)
        {
            var (family, table, name) = chains[i];
            var index = i;
            batch.Begin(GETCHAIN, NetlinkFlags.None, "look up chain", new NftName(family, table, name), Tolerated.Missing, (scoped in MessageReader message) => found[index] = NftChain.Decode(message));
            batch.Writer.Fixed(new NetfilterMessage.Header((byte)family));
            batch.Writer.Text(NFTA_CHAIN_TABLE, table);
            batch.Writer.Text(NFTA_CHAIN_NAME, name);
            batch.End();
        }

        _socket.Execute(batch);
        return found;
    }

    /// <summary>Tells which of some sets exist, asking for all of them in one go.</summary>
    /// <param name="sets">Family, table and name of each.</param>
    /// <returns>For each, whether it exists.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public bool[] SetsExist(params ReadOnlySpan<(NftFamily Family, string Table, string Name)> sets)
    {
        var found = new bool[sets.Length];
        var batch = new NetlinkBatch();
        for (var i = 0; i < sets.Length; i++)
        {
            var (family, table, name) = sets[i];
            var index = i;
            batch.Begin(GETSET, NetlinkFlags.None, "look up set", new NftName(family, table, name), Tolerated.Missing, (scoped in MessageReader _) => found[index] = true);
            batch.Writer.Fixed(new NetfilterMessage.Header((byte)family));
            batch.Writer.Text(NFTA_SET_TABLE, table);
            batch.Writer.Text(NFTA_SET_NAME, name);
            batch.End();
        }

        _socket.Execute(batch);
        return found;
    }

    /// <summary>Closes the socket without waiting for the kernel to free what was deleted, where <see cref="Dispose"/> would: some 10 ms.</summary>
    /// <remarks>
    /// What was committed holds in any case. The wait is that of nft_rcv_nl_event() in net/netfilter/nf_tables_api.c, for a grace period of RCU;
    /// it falls to a thread of the kernel.
    /// </remarks>
    public void DisposeInBackground() => _socket.DisposeInBackground();

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private static NetlinkBatch RuleListing(NftFamily family, string? table, string? chain)
    {
        var batch = new NetlinkBatch();
        batch.Begin(GETRULE, NetlinkFlags.Dump, "list rules", new NftName(family, table, chain));
        batch.Writer.Fixed(new NetfilterMessage.Header((byte)family));
        if (table is not null)
            batch.Writer.Text(NFTA_RULE_TABLE, table);
        if (chain is not null)
            batch.Writer.Text(NFTA_RULE_CHAIN, chain);
        batch.End();
        return batch;
    }

    private static NetlinkBatch Listing(ushort type, NftFamily family, string verb)
    {
        var batch = new NetlinkBatch();
        batch.Begin(type, NetlinkFlags.Dump, verb, new NftName(family));
        batch.Writer.Fixed(new NetfilterMessage.Header((byte)family));
        batch.End();
        return batch;
    }

    private static void ReadElements(scoped in MessageReader message, List<(NftSetElement, bool)> all)
    {
        var attributes = message.Fixed<NetfilterMessage.Header>(out _);
        while (attributes.Next())
        {
            if (attributes.Type != NFTA_SET_ELEM_LIST_ELEMENTS)
                continue;
            var list = attributes.Nested();
            while (list.Next())
                all.Add(NftSetElement.Decode(list.Nested()));
            list.ThrowIfMalformed("nf_tables set elements");
        }

        attributes.ThrowIfMalformed("nf_tables set elements");
    }

    private delegate void Collector<T>(scoped in MessageReader message, List<T> all);

    private List<T> Dump<T>(NetlinkBatch batch, Collector<T> collect)
    {
        var all = new List<T>();
        _socket.Dump(batch, all.Clear, (scoped in MessageReader message) => collect(message, all));
        return all;
    }
}
