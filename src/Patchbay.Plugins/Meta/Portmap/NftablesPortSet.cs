using System.Net;
using Patchbay.Netlink.Netfilter;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>A mapping that is no more.</summary>
/// <param name="IPv4">Its family.</param>
/// <param name="Protocol">Its protocol.</param>
/// <param name="HostPort">The port of the host.</param>
/// <param name="Container">Where it led.</param>
internal readonly record struct RemovedPort(bool IPv4, Transport Protocol, ushort HostPort, IPAddress Container);

/// <summary>The mappings of one interface in one family, as elements of maps.</summary>
internal sealed class NftablesPortSet
{
    private readonly PortOwner _owner;
    private readonly PortmapConfig _config;
    private readonly IPAddress _address;
    private readonly IPAddress? _loopbackSource;
    private readonly IReadOnlyList<NftCondition> _conditions;

    internal NftablesPortSet(bool ipv4, PortOwner owner, PortmapConfig config, IPAddress address, IPAddress? loopbackSource)
    {
        (Table, _owner, _config, _address) = (HostPortTable.Of(ipv4), owner, config, address);
        _loopbackSource = ipv4 ? null : loopbackSource;
        _conditions = NftCondition.Parse(ipv4, config.Conditions(ipv4));
        Mappings = [.. config.Mappings.Where(mapping => mapping.AppliesTo(ipv4))];
    }

    internal HostPortTable Table { get; }

    internal IReadOnlyList<PortMapping> Mappings { get; }

    internal IPAddress Address => _address;

    /// <summary>Keys of ports that another interface of the container has: they are kept in mind, and do not lead here.</summary>
    internal HashSet<string> Waits { get; set; } = [];

    private bool Leads(PortMapping mapping) => Waits.Count == 0 || !Waits.Contains(NftablesSharedPorts.Text(OwnKey(mapping)));

    /// <summary>Adds everything, as new.</summary>
    internal void AddTo(NftablesTransaction transaction)
    {
        var own = Table.Own(_owner.Name) with { Comment = _owner.Comment };
        transaction.Add(own, [.. Mappings.Select(m => new NftSetElement(OwnKey(m)) { Data = Target(m) })], exclusive: true);
        if (Waits.Count > 0)
        {
            transaction.Add(Table.Waiting);
            transaction.AddElements(Table.Waiting, [.. Mappings.Where(m => !Leads(m)).Select(m => new NftSetElement(OwnKey(m)))]);
        }

        var everywhere = Mappings.Where(m => m.HostIp is null && Leads(m)).ToList();
        var somewhere = Mappings.Where(m => m.HostIp is not null && Leads(m)).ToList();
        if (_conditions.Count == 0)
        {
            Elements(transaction, Table.Services, everywhere, Key, Target);
            Elements(transaction, Table.HostIpServices, somewhere, OwnKey, Target);
        }
        else
        {
            transaction.Add(new NftChain(Table.Family, HostPortTable.Name, _owner.Name) { Comment = _owner.Comment });
            foreach (var rule in ConditionalRules(transaction))
                transaction.Add(rule);
            var jump = new NftData(NftVerdict.Jump(_owner.Name));
            Elements(transaction, Table.ConditionalServices, everywhere, Key, _ => jump);
            Elements(transaction, Table.ConditionalHostIpServices, somewhere, OwnKey, _ => jump);
        }

        foreach (var (set, elements) in Masquerading())
        {
            if (elements.Count > 0)
                transaction.AddElements(set, elements);
        }
    }

    /// <summary>What the maps must hold, for CHECK.</summary>
    internal IEnumerable<(NftSet Set, PortMapping Mapping, byte[] Key, NftData Data)> Expected()
    {
        foreach (var mapping in Mappings)
        {
            var conditional = _conditions.Count > 0;
            var set = mapping.HostIp is null
                ? conditional ? Table.ConditionalServices : Table.Services
                : conditional ? Table.ConditionalHostIpServices : Table.HostIpServices;
            yield return (set, mapping, mapping.HostIp is null ? Key(mapping) : OwnKey(mapping), conditional ? new NftData(NftVerdict.Jump(_owner.Name)) : Target(mapping));
        }
    }

    /// <summary>The rules of the container's own chain, when it has conditions; the maps in them are made by the transaction.</summary>
    internal IEnumerable<NftRule> ConditionalRules(NftablesTransaction transaction)
    {
        if (_conditions.Count == 0)
            yield break;
        foreach (var byHostIp in (bool[])[true, false])
        {
            var mappings = Mappings.Where(m => m.HostIp is not null == byHostIp).ToList();
            if (mappings.Count == 0)
                continue;
            var map = (byHostIp ? Table.HostIpServices : Table.Services) with { Name = "__map%d", Anonymous = true };
            var reference = transaction.Add(map, [.. mappings.Select(m => new NftSetElement(byHostIp ? OwnKey(m) : Key(m)) { Data = Target(m) })]);
            yield return Table.Translation(_owner.Name, reference, byHostIp, rule => _conditions.Aggregate(rule, (r, condition) => condition.AddTo(r, transaction, Table)));
        }
    }

    /// <summary>What is masqueraded, or stands for ::1, on the way to the container.</summary>
    internal IEnumerable<(NftSet Set, List<NftSetElement> Elements)> Masquerading()
    {
        if (!_config.Snat)
            yield break;
        var address = NftKey.Of(_address);
        if (_config.MasqueradeAll)
            yield return (Table.FromAnywhere, [new NftSetElement(address)]);
        else
            yield return (Table.Hairpin, [new NftSetElement(NftKey.Concatenate(address, address))]);
        if (Table.IsIPv4 && !_config.MasqueradeAll)
            yield return (Table.FromLoopback, [new NftSetElement(address)]);
        if (_loopbackSource is null)
            yield break;
        var source = new NftData(NftKey.Of(_loopbackSource));
        yield return (Table.LoopbackSources, [.. LoopbackTable.Concerned(Mappings).Where(Leads).Select(m => new NftSetElement(Key(m)) { Data = source })]);
    }

    /// <summary>Adds to a transaction the removal of what an interface has.</summary>
    /// <param name="nft">To look.</param>
    /// <param name="transaction">The transaction.</param>
    /// <param name="table">The family.</param>
    /// <param name="name">The name of its map.</param>
    /// <param name="oneByOne">Whether elements may be missing.</param>
    /// <param name="heirsOf">The comment of its map, when other interfaces of the container are to get the ports that they wait for.</param>
    internal static List<RemovedPort> Remove(NftablesSocket nft, NftablesTransaction transaction, HostPortTable table, string name, bool oneByOne, string? heirsOf = null)
    {
        var elements = nft.ListElements(table.Own(name));
        var contested = NftablesSharedPorts.Contested(nft, table, [.. elements.Select(element => element.Key.ToArray())]);
        var shared = elements.Where(element => contested.Contains(NftablesSharedPorts.Text(element.Key))).ToList();
        var leading = NftablesSharedPorts.Leading(nft, table, name, shared);
        var removed = new List<RemovedPort>();
        var conditional = nft.FindChains((table.Family, HostPortTable.Name, name))[0] is not null;
        List<NftSetElement> everywhere = [], somewhere = [], loopback = [];
        var addresses = new HashSet<IPAddress>();
        var length = table.IsIPv4 ? 4 : 16;
        foreach (var element in elements)
        {
            var key = element.Key;
            var address = new IPAddress(element.Data.Value.Span[..length]);
            var service = key[length..];
            removed.Add(new RemovedPort(table.IsIPv4, (Transport)service.Span[0], (ushort)((service.Span[4] << 8) | service.Span[5]), address));
            addresses.Add(address);
            if (contested.Contains(NftablesSharedPorts.Text(key)) && !leading.Contains(NftablesSharedPorts.Text(key)))
                continue; // leads to another interface of the container
            if (table.IsEverywhere(key))
                everywhere.Add(new NftSetElement(service));
            else
                somewhere.Add(new NftSetElement(key));
            loopback.Add(new NftSetElement(service));
        }

        Delete(conditional ? table.ConditionalServices : table.Services, everywhere, oneByOne);
        Delete(conditional ? table.ConditionalHostIpServices : table.HostIpServices, somewhere, oneByOne);
        // Which of these there are depends on what the configuration was, so each may be missing.
        if (addresses.Count > 0)
            DeleteMasquerading();
        if (conditional)
            transaction.DeleteChain(table.Family, HostPortTable.Name, name, Netlink.Tolerated.Missing);
        transaction.DeleteSet(table.Family, HostPortTable.Name, name, Netlink.Tolerated.Missing);
        if (heirsOf is not null && shared.Count > 0)
            NftablesSharedPorts.PassOn(nft, transaction, table, name, heirsOf, shared, leading);
        return removed;

        void Delete(NftSet set, List<NftSetElement> from, bool each)
        {
            if (!each && from.Count > 0)
                transaction.DeleteElements(set, from);
            foreach (var element in each ? from : [])
                transaction.DeleteElements(set, [element], Netlink.Tolerated.Missing);
        }

        void DeleteMasquerading()
        {
            var bytes = addresses.Select(NftKey.Of).ToList();
            foreach (var (set, keys) in new[]
            {
                (table.Hairpin, bytes.ConvertAll(a => NftKey.Concatenate(a, a))),
                (table.FromAnywhere, bytes),
                (table.IsIPv4 ? table.FromLoopback : table.LoopbackSources, table.IsIPv4 ? bytes : loopback.ConvertAll(e => e.Key.ToArray())),
            })
                Delete(set, [.. nft.FindElements(set, keys).Select(e => new NftSetElement(e.Key))], oneByOne); // deleting what is missing would undo it all
        }
    }

    private static void Elements(NftablesTransaction transaction, NftSet set, List<PortMapping> mappings, Func<PortMapping, byte[]> key, Func<PortMapping, NftData> data)
    {
        if (mappings.Count > 0)
            transaction.AddElements(set, mappings.ConvertAll(m => new NftSetElement(key(m)) { Data = data(m) }), exclusive: true);
    }

    private static byte[] Key(PortMapping mapping) => LoopbackTable.Key(mapping);

    /// <summary>The key of a port in the interface's own map.</summary>
    internal byte[] OwnKey(PortMapping mapping) => NftKey.Concatenate(
        mapping.HostIp is { } ip ? NftKey.Of(ip) : new byte[Table.IsIPv4 ? 4 : 16], [(byte)mapping.Protocol], NftKey.Port(mapping.HostPort));

    private NftData Target(PortMapping mapping) => new(NftKey.Concatenate(NftKey.Of(_address), NftKey.Port(mapping.ContainerPort)));
}
