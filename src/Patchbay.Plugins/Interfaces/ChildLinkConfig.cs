using System.Text;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Interfaces;

/// <summary>The keys that all plugins have that put a link on top of another one: docs/macvlan.md.</summary>
internal sealed record ChildLinkConfig
{
    private const int LongestName = 127; // ALTIFNAMSIZ less the terminating zero: a further name of the master will do

    /// <summary>The interface below; null for that of the default route.</summary>
    internal string? Master { get; init; }

    /// <summary>The master is in the container, not on the host.</summary>
    internal bool LinkInContainer { get; init; }

    /// <summary>Bytes; 0 for the master's.</summary>
    internal int Mtu { get; init; }

    /// <summary>Look for other owners of the IPv6 addresses, and wait for it.</summary>
    internal bool EnableDad { get; init; }

    /// <summary>Reads the keys.</summary>
    /// <param name="root">The configuration.</param>
    /// <exception cref="CniException">A key has a value that it cannot have; the text names both.</exception>
    internal static ChildLinkConfig Read(JsonView root)
    {
        var master = root.String("master");
        if (master is not null && (Encoding.UTF8.GetByteCount(master) > LongestName || master.AsSpan().ContainsAnyInRange('\0', ' ')))
            throw Invalid($"invalid name \"{master}\" for the master: an interface name has no spaces and at most {LongestName} bytes");
        var mtu = root.Integer("mtu", int.MinValue, int.MaxValue) ?? 0;
        return new ChildLinkConfig
        {
            Master = string.IsNullOrEmpty(master) ? null : master,
            LinkInContainer = root.Boolean("linkInContainer") ?? false,
            Mtu = mtu >= 0 ? (int)mtu : throw Invalid($"invalid MTU {mtu}, must be 0 (the master's) or more"),
            EnableDad = root.Boolean("enabledad") ?? false,
        };
    }

    private static CniException Invalid(string text) => new(CniError.InvalidNetworkConfig, text);
}
