using Patchbay.Cni.Model;
using Patchbay.Plugins.Interfaces;

namespace Patchbay.Plugins.Main.Ptp;

/// <summary>The keys of the ptp plugin: docs/ptp.md.</summary>
/// <param name="Mtu">As configured; 0 for the host's.</param>
/// <param name="MtuOverhead">What an encapsulation takes that is not visible as a device.</param>
/// <param name="IpMasq">Whether the container's packets leave with the host's address.</param>
/// <param name="IpMasqBackend">By what; null for what the host has.</param>
internal sealed record PtpConfig(int Mtu, int MtuOverhead, bool IpMasq, string? IpMasqBackend)
{
    /// <summary>Reads the keys.</summary>
    /// <param name="config">The configuration.</param>
    /// <exception cref="CniException">A key has a value that it cannot have; the text names both.</exception>
    internal static PtpConfig Read(NetworkConfig config) => new(
        (int)(config.Root.Integer("mtu", 0, 65535) ?? 0),
        HostMtu.ReadOverhead(config.Root),
        config.IpMasq,
        config.Root.String("ipMasqBackend"));
}
