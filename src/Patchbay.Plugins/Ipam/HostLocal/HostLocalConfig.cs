using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Ipam.HostLocal;

/// <summary>The <c>ipam</c> object of a configuration with what the runtime adds to it.</summary>
internal sealed class HostLocalConfig
{
    private const string DefaultDataDirectory = "/var/lib/cni/networks";

    internal required string Network { get; init; }

    internal required string DataDirectory { get; init; }

    /// <summary>The network's directory.</summary>
    internal string Path => System.IO.Path.Combine(DataDirectory, Network);

    /// <summary>One address comes from each.</summary>
    internal required IReadOnlyList<RangeSet> Sets { get; init; }

    /// <summary>
    /// The whole configuration. Throws <see cref="CniException"/> of code 7 when the ranges are not usable.
    /// </summary>
    internal static HostLocalConfig Read(NetworkConfig config)
    {
        var ipam = Ipam(config);
        try
        {
            return Create(config, ipam, ReadSets(config, ipam));
        }
        catch (FormatException e)
        {
            throw new CniException(CniError.InvalidNetworkConfig, e.Message, inner: e);
        }
    }

    /// <summary>
    /// For DEL and GC, which need no range: a configuration that was broken after the ADD must not keep addresses from being freed. No sets if they are unusable.
    /// </summary>
    internal static HostLocalConfig ReadForRelease(NetworkConfig config)
    {
        var ipam = Ipam(config);
        try
        {
            return Create(config, ipam, ReadSets(config, ipam));
        }
        catch (Exception e) when (e is FormatException or CniException)
        {
            return Create(config, ipam, []);
        }
    }

    /// <summary>The addresses asked for: capability <c>ips</c>, <c>args.cni.ips</c> and IP in CNI_ARGS together. A prefix length is taken and ignored.</summary>
    internal static List<Address> ReadRequested(NetworkConfig config, string args)
    {
        var requested = new List<Address>();
        foreach (var text in CniArgs.Parse(args, "IP")["IP"]?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [])
            Add(text);
        foreach (var text in config.Args?.Strings("ips") ?? [])
            Add(text);
        foreach (var text in config.RuntimeConfig?.Strings("ips") ?? [])
            Add(text);
        return requested;

        void Add(string text)
        {
            int slash = text.IndexOf('/', StringComparison.Ordinal);
            bool good = slash < 0 ? Address.TryParse(text, out var address) : Address.TryParse(text.AsSpan(0, slash), out address) && IpPrefix.TryParse(text, out _);
            if (!good)
                throw new CniException(CniError.InvalidNetworkConfig, $"requested ip '{text}' is neither an IP address nor in CIDR notation");
            if (!requested.Contains(address))
                requested.Add(address);
        }
    }

    private static JsonView Ipam(NetworkConfig config)
        => config.Ipam ?? throw new CniException(CniError.InvalidNetworkConfig, "IPAM config missing 'ipam' key");

    private static HostLocalConfig Create(NetworkConfig config, JsonView ipam, IReadOnlyList<RangeSet> sets) => new()
    {
        Network = config.Name,
        DataDirectory = ipam.String("dataDir") is { Length: > 0 } directory ? directory : DefaultDataDirectory,
        Sets = sets,
    };

    /// <summary>In the order that numbers last_reserved_ip: the runtime's, the old form with a single range, the others.</summary>
    private static List<RangeSet> ReadSets(NetworkConfig config, JsonView ipam)
    {
        var lists = new List<IReadOnlyList<JsonView>>();
        foreach (var set in config.RuntimeConfig?.Array("ipRanges") ?? [])
            lists.Add(set.AsArray());
        if (ipam.String("subnet") is { Length: > 0 })
            lists.Add([ipam]);
        foreach (var set in ipam.Array("ranges") ?? [])
            lists.Add(set.AsArray());
        if (lists.Count == 0)
            throw new FormatException("no IP ranges specified");

        var sets = new List<RangeSet>(lists.Count);
        foreach (var list in lists)
            sets.Add(ReadSet(sets.Count, list));
        RefuseTwoOfOneFamily(config, sets);
        for (int i = 0; i < sets.Count; i++)
        {
            for (int j = i + 1; j < sets.Count; j++)
            {
                if (sets[i].Overlaps(sets[j]))
                    throw new FormatException($"range set {i} overlaps with {j}");
            }
        }
        return sets;
    }

    private static RangeSet ReadSet(int index, IReadOnlyList<JsonView> list)
    {
        try
        {
            var ranges = new List<AddressRange>(list.Count);
            foreach (var range in list)
            {
                var subnet = range.String("subnet") ?? throw new FormatException("a range has no 'subnet'");
                ranges.Add(AddressRange.Create(subnet, range.String("rangeStart"), range.String("rangeEnd"), range.String("gateway")));
            }
            return RangeSet.Create(ranges);
        }
        catch (FormatException e)
        {
            throw new FormatException($"invalid range set {index}: {e.Message}", e);
        }
    }

    /// <summary>Results before 0.3.0 have one place for each family.</summary>
    private static void RefuseTwoOfOneFamily(NetworkConfig config, List<RangeSet> sets)
    {
        int v4 = sets.FindAll(set => set.IsV4).Count;
        if (config.Version < SpecVersion.V030 && (v4 > 1 || sets.Count - v4 > 1))
            throw new FormatException($"CNI version {config.VersionText} does not support more than 1 address per family");
    }
}
