using Patchbay.Netlink.Codec;
using static Patchbay.Netlink.Netfilter.NftMessage;

namespace Patchbay.Netlink.Netfilter;

/// <summary>Commands that the kernel carries out all together or not at all; <see cref="NftablesSocket.Commit"/> does so.</summary>
/// <remarks>
/// Commands see the effect of those before them. Adding what exists is no error unless asked for; deleting what is missing is,
/// unless <see cref="Tolerated.Missing"/> is given. A transaction is committed once.
/// </remarks>
public sealed class NftablesTransaction
{
    // An attribute's length has 16 bits, so a list of elements is split over messages well before that.
    private const int ElementBytesPerMessage = 60_000;

    private readonly NetlinkBatch _batch = new();
    private uint _sets;

    /// <summary>Creates an empty transaction.</summary>
    /// <param name="generation">
    /// What <see cref="NftablesSocket.Generation"/> told before the state was read on which the commands rest: if anybody has changed
    /// anything since, the commit fails with <see cref="Errno.Restart"/> and does nothing. Null to commit in any case.
    /// </param>
    public NftablesTransaction(uint? generation = null) => Envelope(NetfilterMessage.BatchBegin, "begin nf_tables transaction", generation);

    /// <summary>Number of commands.</summary>
    public int Count => _batch.Count - 1;

    /// <summary>Adds a table.</summary>
    /// <param name="table">The table.</param>
    /// <param name="exclusive">True when it is an error that it exists.</param>
    public void Add(NftTable table, bool exclusive = false)
    {
        ArgumentNullException.ThrowIfNull(table);
        Begin(NEWTABLE, exclusive ? NetlinkFlags.Exclusive : NetlinkFlags.None, "add table", new NftName(table.Family, table.Name));
        table.Encode(_batch.Writer);
        _batch.End();
    }

    /// <summary>Deletes a table with all that is in it.</summary>
    /// <param name="family">Its family.</param>
    /// <param name="name">Its name.</param>
    /// <param name="tolerate">What may go wrong.</param>
    public void DeleteTable(NftFamily family, string name, Tolerated tolerate = Tolerated.Nothing)
    {
        Begin(DELTABLE, NetlinkFlags.None, "delete table", new NftName(family, name), tolerate, family);
        _batch.Writer.Text(NFTA_TABLE_NAME, name);
        _batch.End();
    }

    /// <summary>Adds a chain.</summary>
    /// <param name="chain">The chain.</param>
    /// <param name="exclusive">True when it is an error that it exists.</param>
    public void Add(NftChain chain, bool exclusive = false)
    {
        ArgumentNullException.ThrowIfNull(chain);
        Begin(NEWCHAIN, NetlinkFlags.Create | (exclusive ? NetlinkFlags.Exclusive : 0), "add chain", new NftName(chain.Family, chain.Table, chain.Name));
        chain.Encode(_batch.Writer);
        _batch.End();
    }

    /// <summary>Deletes a chain and the rules in it; no rule may jump to it any more.</summary>
    /// <param name="family">The table's family.</param>
    /// <param name="table">The table's name.</param>
    /// <param name="name">The chain's name.</param>
    /// <param name="tolerate">What may go wrong.</param>
    public void DeleteChain(NftFamily family, string table, string name, Tolerated tolerate = Tolerated.Nothing)
    {
        Begin(DELCHAIN, NetlinkFlags.None, "delete chain", new NftName(family, table, name), tolerate, family);
        _batch.Writer.Text(NFTA_CHAIN_TABLE, table);
        _batch.Writer.Text(NFTA_CHAIN_NAME, name);
        _batch.End();
    }

    /// <summary>Adds a rule at the end of its chain, or after a given rule.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="after">Handle of the rule after which it goes; 0 for the end.</param>
    public void Add(NftRule rule, ulong after = 0)
    {
        ArgumentNullException.ThrowIfNull(rule);
        Begin(NEWRULE, NetlinkFlags.Create | NetlinkFlags.Append, "add rule", new NftName(rule.Family, rule.Table, rule.Chain));
        rule.Encode(_batch.Writer, position: after);
        _batch.End();
    }

    /// <summary>Inserts a rule at the start of its chain, or before a given rule.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="before">Handle of the rule before which it goes; 0 for the start.</param>
    public void Insert(NftRule rule, ulong before = 0)
    {
        ArgumentNullException.ThrowIfNull(rule);
        Begin(NEWRULE, NetlinkFlags.Create, "insert rule", new NftName(rule.Family, rule.Table, rule.Chain));
        rule.Encode(_batch.Writer, position: before);
        _batch.End();
    }

    /// <summary>Puts a rule in the place of another.</summary>
    /// <param name="rule">The rule.</param>
    /// <param name="handle">Handle of the rule that it replaces.</param>
    public void Replace(NftRule rule, ulong handle)
    {
        ArgumentNullException.ThrowIfNull(rule);
        Begin(NEWRULE, NetlinkFlags.Replace, "replace rule", new NftName(rule.Family, rule.Table, rule.Chain, handle));
        rule.Encode(_batch.Writer, replaces: handle);
        _batch.End();
    }

    /// <summary>Deletes a rule.</summary>
    /// <param name="family">The table's family.</param>
    /// <param name="table">The table's name.</param>
    /// <param name="chain">The chain's name.</param>
    /// <param name="handle">The rule's handle.</param>
    /// <param name="tolerate">What may go wrong.</param>
    public void DeleteRule(NftFamily family, string table, string chain, ulong handle, Tolerated tolerate = Tolerated.Nothing)
    {
        Begin(DELRULE, NetlinkFlags.None, "delete rule", new NftName(family, table, chain, handle), tolerate, family);
        _batch.Writer.Text(NFTA_RULE_TABLE, table);
        _batch.Writer.Text(NFTA_RULE_CHAIN, chain);
        _batch.Writer.U64Be(NFTA_RULE_HANDLE, handle);
        _batch.End();
    }

    /// <summary>Deletes all rules of a chain, or of all chains of a table.</summary>
    /// <param name="family">The table's family.</param>
    /// <param name="table">The table's name.</param>
    /// <param name="chain">The chain's name; null for all.</param>
    /// <param name="tolerate">What may go wrong.</param>
    public void Flush(NftFamily family, string table, string? chain = null, Tolerated tolerate = Tolerated.Nothing)
    {
        Begin(DELRULE, NetlinkFlags.None, chain is null ? "flush table" : "flush chain", new NftName(family, table, chain), tolerate, family);
        _batch.Writer.Text(NFTA_RULE_TABLE, table);
        if (chain is not null)
            _batch.Writer.Text(NFTA_RULE_CHAIN, chain);
        _batch.End();
    }

    /// <summary>Adds a set or map and elements of it.</summary>
    /// <param name="set">The set; an anonymous one needs all its elements and a rule of the same transaction that uses it.</param>
    /// <param name="elements">Elements.</param>
    /// <param name="exclusive">True when it is an error that it exists.</param>
    /// <returns>How rules of this transaction name it.</returns>
    public NftSetReference Add(NftSet set, IReadOnlyList<NftSetElement>? elements = null, bool exclusive = false)
    {
        ArgumentNullException.ThrowIfNull(set);
        var id = ++_sets;
        Begin(NEWSET, NetlinkFlags.Create | (exclusive ? NetlinkFlags.Exclusive : 0), "add set", new NftName(set.Family, set.Table, set.Name));
        set.Encode(_batch.Writer, id, elements?.Count ?? 0);
        _batch.End();
        if (elements is { Count: > 0 })
            Elements(NEWSETELEM, NetlinkFlags.Create, "add elements", set, elements, Tolerated.Nothing, id);
        return new NftSetReference(set.Name, id);
    }

    /// <summary>Deletes a set or map that no rule uses.</summary>
    /// <param name="family">The table's family.</param>
    /// <param name="table">The table's name.</param>
    /// <param name="name">The set's name.</param>
    /// <param name="tolerate">What may go wrong.</param>
    public void DeleteSet(NftFamily family, string table, string name, Tolerated tolerate = Tolerated.Nothing)
    {
        Begin(DELSET, NetlinkFlags.None, "delete set", new NftName(family, table, name), tolerate, family);
        _batch.Writer.Text(NFTA_SET_TABLE, table);
        _batch.Writer.Text(NFTA_SET_NAME, name);
        _batch.End();
    }

    /// <summary>Adds elements to a set or map that exists.</summary>
    /// <param name="set">The set; its key and data types and whether it has ranges must be those of the kernel's.</param>
    /// <param name="elements">The elements.</param>
    /// <param name="exclusive">True when it is an error that one of them exists.</param>
    public void AddElements(NftSet set, IReadOnlyList<NftSetElement> elements, bool exclusive = false) =>
        Elements(NEWSETELEM, NetlinkFlags.Create | (exclusive ? NetlinkFlags.Exclusive : 0), "add elements", set, elements, Tolerated.Nothing, 0);

    /// <summary>Deletes elements of a set or map.</summary>
    /// <param name="set">The set; see <see cref="AddElements"/>.</param>
    /// <param name="elements">The elements; with a tolerance give one at a time, for it skips the whole command.</param>
    /// <param name="tolerate">What may go wrong.</param>
    public void DeleteElements(NftSet set, IReadOnlyList<NftSetElement> elements, Tolerated tolerate = Tolerated.Nothing) =>
        Elements(DELSETELEM, NetlinkFlags.None, "delete elements", set, elements, tolerate, 0);

    /// <summary>Deletes all elements of a set or map.</summary>
    /// <param name="family">The table's family.</param>
    /// <param name="table">The table's name.</param>
    /// <param name="name">The set's name.</param>
    /// <param name="tolerate">What may go wrong.</param>
    public void FlushSet(NftFamily family, string table, string name, Tolerated tolerate = Tolerated.Nothing)
    {
        Begin(DELSETELEM, NetlinkFlags.None, "flush set", new NftName(family, table, name), tolerate, family);
        _batch.Writer.Text(NFTA_SET_ELEM_LIST_SET, name);
        _batch.Writer.Text(NFTA_SET_ELEM_LIST_TABLE, table);
        _batch.End();
    }

    /// <summary>The whole batch, between its beginning and its end.</summary>
    internal NetlinkBatch Close()
    {
        Envelope(NetfilterMessage.BatchEnd, "end nf_tables transaction");
        return _batch;
    }

    private void Elements(ushort type, NetlinkFlags flags, string verb, NftSet set, IReadOnlyList<NftSetElement> elements, Tolerated tolerate, uint id)
    {
        ArgumentNullException.ThrowIfNull(set);
        ArgumentNullException.ThrowIfNull(elements);
        var writer = _batch.Writer;
        for (var next = 0; next < elements.Count;)
        {
            Begin(type, flags, verb, new NftName(set.Family, set.Table, set.Name), tolerate, set.Family);
            writer.Text(NFTA_SET_ELEM_LIST_TABLE, set.Table);
            writer.Text(NFTA_SET_ELEM_LIST_SET, set.Name);
            if (id != 0)
                writer.U32Be(NFTA_SET_ELEM_LIST_SET_ID, id);
            var start = writer.Length;
            using (writer.Nested(NFTA_SET_ELEM_LIST_ELEMENTS))
            {
                for (ushort index = 1; next < elements.Count && writer.Length - start < ElementBytesPerMessage; next++)
                    index = elements[next].Encode(writer, set, index);
            }

            _batch.End();
        }
    }

    private void Begin(ushort type, NetlinkFlags flags, string verb, NftName name, Tolerated tolerate, NftFamily family)
    {
        Begin(type, flags, verb, name, tolerate);
        _batch.Writer.Fixed(new NetfilterMessage.Header((byte)family));
    }

    private void Begin(ushort type, NetlinkFlags flags, string verb, NftName name, Tolerated tolerate = Tolerated.Nothing) =>
        _batch.Begin(type, flags, verb, name, tolerate);

    private void Envelope(ushort type, string verb, uint? generation = null)
    {
        _batch.Begin(type, NetlinkFlags.None, verb);
        _batch.Writer.Fixed(new NetfilterMessage.Header(0, NetfilterMessage.NfTables));
        if (generation is { } expected)
            _batch.Writer.U32Be(NetfilterMessage.BatchGeneration, expected);
        _batch.End();
    }
}
