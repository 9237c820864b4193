using Patchbay.Netlink.Netfilter;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Policy.Agent.Native;

/// <summary>The differences between two states of the table, as one transaction.</summary>
internal sealed class TableChange
{
    private readonly NftablesTransaction _transaction;
    private readonly Dictionary<string, List<NftSetElement>> _added = [];
    private readonly Dictionary<string, List<NftSetElement>> _removed = [];
    private List<string> _staleChains = [];

    private TableChange(uint generation) => _transaction = new NftablesTransaction(generation);

    internal NftablesTransaction Transaction => _transaction;

    /// <summary>How many elements come, go or change.</summary>
    internal int Elements => _added.Values.Sum(each => each.Count) + _removed.Values.Sum(each => each.Count);

    /// <summary>Addresses whose container is gone, or another one now.</summary>
    internal IEnumerable<Ipv4> LeftAddresses
    {
        get
        {
            Dictionary<Ipv4, string?> now = From(_added, AgentTable.Isolated).ToDictionary(AgentTable.ToAddress, each => each.Comment);
            return From(_removed, AgentTable.Isolated).Where(each => !now.TryGetValue(AgentTable.ToAddress(each), out string? handle) || handle != each.Comment).Select(AgentTable.ToAddress);
        }
    }

    /// <summary>Tags that were an app's and are another one's.</summary>
    internal HashSet<uint> ReusedTags
    {
        get
        {
            ILookup<uint, string> before = TagsIn(_removed), now = TagsIn(_added);
            return [.. now.Where(each => before[each.Key].Any(app => !each.Contains(app))).Select(each => each.Key)];
        }
    }

    /// <summary>From the kernel's state to the wanted one.</summary>
    /// <param name="kernel">How it is.</param>
    /// <param name="present">The same, but the elements may be only those that may differ.</param>
    /// <param name="wanted">How it is to be, likewise.</param>
    /// <param name="generation">When it was like that.</param>
    internal static TableChange Between(TableReader kernel, TableImage present, TableImage wanted, uint generation)
    {
        var change = new TableChange(generation);
        change.AddObjects(kernel, wanted);
        // Elements that go make way for those that come: ranges must not overlap even for a moment.
        foreach (NftSet set in AgentTable.Sets)
            change.Compare(set, present.Elements[set.Name], wanted.Elements[set.Name]);
        foreach ((string name, List<NftSetElement> elements) in change._removed)
            change._transaction.DeleteElements(SetOf(name), elements.ConvertAll(each => new NftSetElement(each.Key) { LastKey = each.LastKey }));
        change.FillChains(present, wanted);
        foreach ((string name, List<NftSetElement> elements) in change._added)
            change._transaction.AddElements(SetOf(name), elements);
        change.RemoveChains(kernel.Image, wanted);
        return change;
    }

    /// <summary>Makes an image of the state before one of the state after.</summary>
    internal void ApplyTo(TableImage image, TableImage wanted)
    {
        foreach ((string name, List<NftSetElement> elements) in _removed)
            elements.ForEach(each => image.Elements[name].Remove(new ElementKey(each)));
        foreach ((string name, List<NftSetElement> elements) in _added)
            elements.ForEach(each => image.Put(SetOf(name), each));
        foreach (string chain in _staleChains)
            image.Chains.Remove(chain);
        foreach ((string chain, IReadOnlyList<NftRule> rules) in wanted.Chains)
            image.Chains[chain] = rules;
    }

    private void AddObjects(TableReader kernel, TableImage wanted)
    {
        if (!kernel.HasTable)
            _transaction.Add(new NftTable(AgentTable.Family, AgentTable.Name) { Comment = "Containers of Cloud Foundry" });
        foreach (NftSet set in AgentTable.Sets.Where(each => !kernel.Has(each)))
            _transaction.Add(set);
        foreach (string chain in wanted.Chains.Keys.Where(each => !kernel.Image.Chains.ContainsKey(each)))
            _transaction.Add(new NftChain(AgentTable.Family, AgentTable.Name, chain));
        if (!kernel.HasForward)
            _transaction.Add(new NftChain(AgentTable.Family, AgentTable.Name, AgentTable.Forward) { Hook = new NftHook("filter", NftHookPoint.Forward, 0) });
        AddForwardRules(kernel, wanted.Forward);
    }

    // Ours come before and after those of others in the chain, and in order; if one is missing all are made again.
    private void AddForwardRules(TableReader kernel, IReadOnlyList<NftRule> wanted)
    {
        foreach (NftRule each in kernel.Forward.Where(each => each.DoesSameAs(AgentTable.RevokedRule) && !wanted.Contains(AgentTable.RevokedRule)))
            _transaction.DeleteRule(AgentTable.Family, AgentTable.Name, AgentTable.Forward, each.Handle);
        List<NftRule> first = [.. wanted.Where(each => !AgentTable.IsIsolation(each))];
        foreach (IGrouping<bool, NftRule> end in wanted.GroupBy(AgentTable.IsIsolation))
        {
            List<NftRule> present = kernel.Forward.FindAll(each => end.Any(each.DoesSameAs));
            if (present.Count == end.Count())
                continue;
            foreach (NftRule each in present)
                _transaction.DeleteRule(AgentTable.Family, AgentTable.Name, AgentTable.Forward, each.Handle);
            if (end.Key)
                _transaction.Add(end.First());
            else
                first.AsEnumerable().Reverse().ToList().ForEach(each => _transaction.Insert(each));
        }
    }

    private void Compare(NftSet set, Dictionary<ElementKey, NftSetElement> present, Dictionary<ElementKey, NftSetElement> wanted)
    {
        foreach ((ElementKey key, NftSetElement element) in present)
        {
            bool replaced = wanted.TryGetValue(key, out NftSetElement? other);
            if (replaced ? !ElementKey.SameContent(element, other!) : AgentTable.Owns(set, element))
                ListOf(_removed, set).Add(element);
        }

        foreach ((ElementKey key, NftSetElement element) in wanted)
        {
            if (!present.TryGetValue(key, out NftSetElement? other) || !ElementKey.SameContent(element, other))
                ListOf(_added, set).Add(element);
        }
    }

    private void FillChains(TableImage present, TableImage wanted)
    {
        foreach ((string chain, IReadOnlyList<NftRule> rules) in wanted.Chains)
        {
            bool exists = present.Chains.TryGetValue(chain, out IReadOnlyList<NftRule>? there);
            if (exists && Same(there!, rules))
                continue;
            if (exists)
                _transaction.Flush(AgentTable.Family, AgentTable.Name, chain);
            foreach (NftRule rule in rules)
                _transaction.Add(rule);
        }
    }

    // The rules of all of them first: chains lead to one another.
    private void RemoveChains(TableImage present, TableImage wanted)
    {
        HashSet<string> used = [.. AgentTable.Sets.SelectMany(set => present.Elements[set.Name].Values.Where(each => !AgentTable.Owns(set, each))).Select(each => each.Data.Verdict?.Chain ?? "")];
        _staleChains = [.. present.Chains.Keys.Where(each => !wanted.Chains.ContainsKey(each) && !used.Contains(each))];
        foreach (string chain in _staleChains)
            _transaction.Flush(AgentTable.Family, AgentTable.Name, chain);
        foreach (string chain in _staleChains)
            _transaction.DeleteChain(AgentTable.Family, AgentTable.Name, chain);
    }

    private static bool Same(IReadOnlyList<NftRule> one, IReadOnlyList<NftRule> other)
    {
        if (ReferenceEquals(one, other))
            return true;
        return one.Count == other.Count && one.Zip(other).All(each => each.First.DoesSameAs(each.Second));
    }

    private static List<NftSetElement> From(Dictionary<string, List<NftSetElement>> lists, NftSet set) => lists.GetValueOrDefault(set.Name) ?? [];

    private static ILookup<uint, string> TagsIn(Dictionary<string, List<NftSetElement>> lists) =>
        From(lists, AgentTable.Allowed).Concat(From(lists, AgentTable.AllowedRanges)).ToLookup(each => AgentTable.ToAllowed(each).Tag, each => AgentTable.AppsOf(each).Source ?? "");

    private static List<NftSetElement> ListOf(Dictionary<string, List<NftSetElement>> lists, NftSet set)
    {
        if (!lists.TryGetValue(set.Name, out List<NftSetElement>? list))
            lists[set.Name] = list = [];
        return list;
    }

    private static NftSet SetOf(string name) => AgentTable.Sets.First(each => each.Name == name);
}
