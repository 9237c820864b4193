using System.Globalization;
using Patchbay.Policy.Overlay.Leases;

namespace Patchbay.Policy.Overlay.Agent;

/// <summary>flannel's subnet.env, from which the flannel plugin takes subnet and MTU.</summary>
internal static class SubnetFile
{
    /// <summary>Writes the file, whole or not at all, if it says something else.</summary>
    /// <param name="path">Where.</param>
    /// <param name="networks">The overlay's networks.</param>
    /// <param name="subnet">This host's.</param>
    /// <param name="mtu">Largest packet.</param>
    /// <param name="ipMasq">FLANNEL_IPMASQ.</param>
    /// <returns>Whether it had to be written.</returns>
    internal static bool Write(string path, IReadOnlyList<Subnet> networks, Subnet subnet, int mtu, bool ipMasq)
    {
        // FLANNEL_SUBNET is the first address after the network's own: the bridge's.
        string text = string.Create(CultureInfo.InvariantCulture, $"""
            FLANNEL_NETWORK={string.Join(',', networks)}
            FLANNEL_SUBNET={new Policy.Agent.Containers.Ipv4(subnet.Base.Number + 1)}/{subnet.Length}
            FLANNEL_MTU={mtu}
            FLANNEL_IPMASQ={(ipMasq ? "true" : "false")}

            """);
        if (File.Exists(path) && File.ReadAllText(path) == text)
            return false;
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string next = $"{path}.next";
        File.WriteAllText(next, text);
        File.Move(next, path, overwrite: true);
        return true;
    }
}
