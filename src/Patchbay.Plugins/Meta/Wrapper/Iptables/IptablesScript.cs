using System.Text;

namespace Patchbay.Plugins.Meta.Wrapper.Iptables;

/// <summary>Input of iptables-restore(8) for several tables: chains, then rules. A table is changed whole or not at all.</summary>
internal sealed class IptablesScript
{
    private readonly SortedDictionary<string, (List<string> Chains, List<string> Rules)> _tables = new(StringComparer.Ordinal);

    internal bool IsEmpty => _tables.Count == 0;

    /// <summary>The rules, by table, in their order.</summary>
    internal IReadOnlyList<string> RulesOf(string table) => _tables.TryGetValue(table, out var found) ? found.Rules : [];

    /// <summary>Makes a chain, or empties it.</summary>
    internal void Chain(string table, string name) => Table(table).Chains.Add($":{name} - [0:0]");

    /// <summary>Adds a command such as <c>-A FORWARD …</c>.</summary>
    internal void Rule(string table, string command) => Table(table).Rules.Add(command);

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var (name, (chains, rules)) in _tables)
        {
            text.Append('*').Append(name).Append('\n');
            foreach (var line in chains.Concat(rules))
                text.Append(line).Append('\n');
            text.Append("COMMIT\n");
        }

        return text.ToString();
    }

    private (List<string> Chains, List<string> Rules) Table(string name)
    {
        if (!_tables.TryGetValue(name, out var table))
            _tables[name] = table = ([], []);
        return table;
    }
}
