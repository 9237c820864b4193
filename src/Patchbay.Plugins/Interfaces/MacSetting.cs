using Patchbay.Cni.Model;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Interfaces;

/// <summary>The Ethernet address that a runtime may ask for.</summary>
internal static class MacSetting
{
    /// <summary>The address asked for: by capability, else by <c>args.cni</c>, else by CNI_ARGS, else by a key of the plugin.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="args">CNI_ARGS.</param>
    /// <param name="key">The plugin's key; null when it has none.</param>
    /// <returns>The address; null when none is asked for.</returns>
    /// <exception cref="CniException">It is none.</exception>
    internal static MacAddress? Read(NetworkConfig config, string? args, string? key = null)
    {
        var text = config.RuntimeConfig?.String("mac") is { Length: > 0 } byCapability ? byCapability
            : config.Args?.String("mac") is { Length: > 0 } byConvention ? byConvention
            : CniArgs.Parse(args, "MAC")["MAC"] is { Length: > 0 } byArgs ? byArgs
            : key is null ? null : config.Root.String(key);
        if (string.IsNullOrEmpty(text))
            return null;
        if (!MacAddress.TryParse(text, out var address))
            throw new CniException(CniError.InvalidNetworkConfig, $"invalid mac address \"{text}\": want six bytes such as 0a:58:0a:01:02:03");
        return address.IsMulticast
            ? throw new CniException(CniError.InvalidNetworkConfig, $"invalid mac address \"{text}\": an interface cannot have a multicast address (the first byte is odd)")
            : address;
    }
}
