using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Meta.Tuning;

/// <summary>What is to be tuned: the configuration, then what the runtime says, which wins.</summary>
internal sealed record TuningConfig
{
    private const string DefaultDataDirectory = "/run/cni/tuning";

    /// <summary>Settings, in the order of the configuration.</summary>
    internal required IReadOnlyList<SysctlSetting> Sysctls { get; init; }

    /// <summary>Ethernet address; null to leave it.</summary>
    internal MacAddress? Mac { get; init; }

    /// <summary>True to receive what is for others; false to leave it.</summary>
    internal bool Promisc { get; init; }

    /// <summary>Largest packet; null to leave it.</summary>
    internal int? Mtu { get; init; }

    /// <summary>Reception of all multicast; null to leave it.</summary>
    internal bool? AllMulti { get; init; }

    /// <summary>Packets that may wait for transmission; null to leave it.</summary>
    internal int? TxQLen { get; init; }

    /// <summary>Where the attributes of before are kept.</summary>
    internal required string DataDirectory { get; init; }

    /// <summary>True when the link itself is changed.</summary>
    internal bool ChangesLink => Mac is not null || Promisc || Mtu is not null || AllMulti is not null || TxQLen is not null;

    /// <summary>The attributes as a request.</summary>
    internal LinkSettings Settings => new() { Address = Mac, Promiscuous = Promisc ? true : null, Mtu = Mtu, AllMulticast = AllMulti, TransmitQueueLength = TxQLen };

    /// <summary>Reads the configuration.</summary>
    /// <exception cref="CniException">A value is wrong; the text names it.</exception>
    internal static TuningConfig Read(PluginRequest request)
    {
        var config = request.Config;
        var args = config.Args;
        var mac = args?.String("mac") is { Length: > 0 } byConvention ? byConvention
            : config.RuntimeConfig?.String("mac") is { Length: > 0 } byCapability ? byCapability
            : CniArgs.Parse(request.Args, "MAC")["MAC"] is { Length: > 0 } byVariable ? byVariable
            : config.Root.String("mac");
        var mtu = Number(args, "mtu") is > 0 and var other ? other : Number(config.Root, "mtu");
        return new TuningConfig
        {
            Sysctls = ReadSysctls(config.Root, args, request.IfName),
            Mac = string.IsNullOrEmpty(mac) ? null : ParseMac(mac),
            Promisc = args?.Boolean("promisc") ?? config.Root.Boolean("promisc") ?? false,
            Mtu = mtu is 0 ? null : mtu,
            AllMulti = args?.Boolean("allmulti") ?? config.Root.Boolean("allmulti"),
            TxQLen = Number(args, "txQLen") ?? Number(config.Root, "txQLen"),
            DataDirectory = ReadDataDirectory(config),
        };
    }

    /// <summary>The one key that DEL and GC need; what else is wrong with a configuration must not keep them from their work.</summary>
    /// <exception cref="CniException">It is not an absolute path.</exception>
    internal static string ReadDataDirectory(NetworkConfig config)
    {
        if (config.Root.String("dataDir") is not { Length: > 0 } path)
            return DefaultDataDirectory;
        return path[0] == '/' && !path.Contains('\0', StringComparison.Ordinal) ? path : throw Wrong($"\"dataDir\" must be an absolute path, not \"{path}\"");
    }

    /// <summary>The result of the plugins before, with what is now different.</summary>
    internal CniResult Apply(CniResult previous, string ifName)
    {
        if (Mac is null && Mtu is null)
            return previous;
        return previous with
        {
            Interfaces =
            [
                .. previous.Interfaces.Select(each => each.Name != ifName || each.Sandbox is null ? each : each with
                {
                    Mac = Mac?.ToString() ?? each.Mac,
                    Mtu = each.Mtu == 0 ? 0 : Mtu ?? each.Mtu, // not told before: an older plugin, or an older version
                }),
            ],
        };
    }

    private static int? Number(JsonView? view, string name) => (int?)view?.Integer(name, 0, int.MaxValue);

    private static MacAddress ParseMac(string text)
    {
        if (!MacAddress.TryParse(text, out var address))
            throw Wrong($"invalid mac address \"{text}\": want six bytes such as 0a:58:0a:01:02:03");
        if (address.IsMulticast || address.Value == 0)
            throw Wrong($"invalid mac address \"{text}\": an interface cannot have a multicast address (the first byte is odd) or all zeros");
        return address;
    }

    private static List<SysctlSetting> ReadSysctls(JsonView root, JsonView? args, string ifName)
    {
        var settings = new List<SysctlSetting>();
        Read(root.Object("sysctl"), overrides: false);
        Read(args?.Object("sysctl"), overrides: true);
        return settings;

        void Read(JsonView? view, bool overrides)
        {
            if (view is null)
                return;
            var keys = new HashSet<string>(StringComparer.Ordinal);
            foreach (var (key, value) in view.Value.Pairs())
            {
                if (!keys.Add(key))
                    throw Wrong($"duplicated sysctl keys are not allowed: \"{key}\"");
                var setting = SysctlSetting.Parse(key, value.AsString(), ifName);
                var other = settings.FindIndex(each => each.Path == setting.Path);
                if (other < 0)
                    settings.Add(setting);
                else if (overrides)
                    settings[other] = setting;
                else if (settings[other].Value != setting.Value)
                    throw Wrong($"duplicated sysctl keys are not allowed: \"{settings[other].Key}\" and \"{key}\" are one setting, with two values");
            }
        }
    }

    private static CniException Wrong(string text) => new(CniError.InvalidNetworkConfig, text);
}
