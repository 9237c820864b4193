using Patchbay.Cni.Model;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Main.Bridge;

/// <summary>The keys of the bridge plugin: docs/bridge.md.</summary>
internal sealed record BridgeConfig
{
    private const int HighestVlan = 4094;

    internal required string BridgeName { get; init; }

    internal bool IsGateway { get; init; }

    internal bool IsDefaultGateway { get; init; }

    internal bool ForceAddress { get; init; }

    internal bool IpMasq { get; init; }

    internal string? IpMasqBackend { get; init; }

    /// <summary>As configured; 0 for the host's.</summary>
    internal int Mtu { get; init; }

    internal int MtuOverhead { get; init; }

    internal bool HairpinMode { get; init; }

    internal bool PromiscMode { get; init; }

    internal int Vlan { get; init; }

    internal IReadOnlyList<int> VlanTrunk { get; init; } = [];

    internal bool PreserveDefaultVlan { get; init; }

    internal bool MacSpoofCheck { get; init; }

    internal bool EnableDad { get; init; }

    internal bool DisableContainerInterface { get; init; }

    internal bool PortIsolation { get; init; }

    internal MacAddress? Mac { get; init; }

    /// <summary>True when the bridge must know VLANs.</summary>
    internal bool UsesVlans => Vlan != 0 || VlanTrunk.Count > 0;

    /// <summary>Reads the keys.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="args">CNI_ARGS.</param>
    /// <exception cref="CniException">A key has a value that it cannot have; the text names both.</exception>
    internal static BridgeConfig Read(NetworkConfig config, string? args)
    {
        var root = config.Root;
        var name = root.String("bridge") is { Length: > 0 } given ? given : "cni0";
        InterfaceName.Require(name, "bridge");
        var vlan = root.Integer("vlan", int.MinValue, int.MaxValue) ?? 0;
        if (vlan is < 0 or > HighestVlan)
            throw Invalid($"invalid VLAN ID {vlan} (must be between 0 and {HighestVlan})");
        var bridge = new BridgeConfig
        {
            BridgeName = name,
            IsDefaultGateway = root.Boolean("isDefaultGateway") ?? false,
            IsGateway = (root.Boolean("isGateway") ?? false) || (root.Boolean("isDefaultGateway") ?? false),
            ForceAddress = root.Boolean("forceAddress") ?? false,
            IpMasq = config.IpMasq,
            IpMasqBackend = root.String("ipMasqBackend"),
            Mtu = (int)(root.Integer("mtu", 0, 65535) ?? 0),
            MtuOverhead = HostMtu.ReadOverhead(root),
            HairpinMode = root.Boolean("hairpinMode") ?? false,
            PromiscMode = root.Boolean("promiscMode") ?? false,
            Vlan = (int)vlan,
            VlanTrunk = ReadTrunk(root.Array("vlanTrunk")),
            PreserveDefaultVlan = root.Boolean("preserveDefaultVlan") ?? false,
            MacSpoofCheck = root.Boolean("macspoofchk") ?? false,
            EnableDad = root.Boolean("enabledad") ?? false,
            DisableContainerInterface = root.Boolean("disableContainerInterface") ?? false,
            PortIsolation = root.Boolean("portIsolation") ?? false,
            Mac = MacSetting.Read(config, args),
        };
        if (bridge is { HairpinMode: true, PromiscMode: true })
            throw Invalid("cannot set hairpin mode and promiscuous mode at the same time");
        if (bridge.DisableContainerInterface && config.IpamType.Length > 0)
            throw Invalid("cannot use IPAM when DisableContainerInterface flag is set");
        return bridge;
    }

    /// <summary>The VLANs of a trunk: entries {id} and {minID, maxID}, without duplicates and in order.</summary>
    internal static IReadOnlyList<int> ReadTrunk(IReadOnlyList<JsonView>? entries)
    {
        if (entries is null)
            return [];
        var ids = new SortedSet<int>();
        foreach (var entry in entries)
        {
            var (minimum, maximum, id) = (Number(entry, "minID"), Number(entry, "maxID"), Number(entry, "id"));
            if (minimum is not null || maximum is not null)
            {
                if (minimum is null)
                    throw Invalid("minID and maxID should be configured simultaneously, minID is missing");
                if (maximum is null)
                    throw Invalid("minID and maxID should be configured simultaneously, maxID is missing");
                if (minimum is < 1 or > HighestVlan)
                    throw Invalid($"incorrect trunk minID parameter {minimum}: must be from 1 to {HighestVlan}");
                if (maximum is < 1 or > HighestVlan)
                    throw Invalid($"incorrect trunk maxID parameter {maximum}: must be from 1 to {HighestVlan}");
                if (minimum > maximum)
                    throw Invalid($"minID is greater than maxID in trunk parameter: {minimum} > {maximum}");
                for (var each = minimum.Value; each <= maximum; each++)
                    ids.Add((int)each);
            }

            if (id is null)
                continue;
            if (id is < 1 or > HighestVlan)
                throw Invalid($"incorrect trunk id parameter {id}: must be from 1 to {HighestVlan}");
            ids.Add((int)id);
        }

        return [.. ids];

        static long? Number(JsonView entry, string key) => entry.Integer(key, int.MinValue, int.MaxValue);
    }

    private static CniException Invalid(string text) => new(CniError.InvalidNetworkConfig, text);
}
