using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Naming;

namespace Patchbay.Plugins.Ipam.Dhcp.Leases;

/// <summary>Whose lease it is.</summary>
internal readonly record struct LeaseKey(string Network, string ContainerId, string IfName)
{
    private const int LongestName = 200; // NAME_MAX is 255, and a suffix follows
    private const int LongestClientId = 254;

    /// <summary>The name of its file. None of the parts can hold a colon or a slash; what is too long for a file is hashed.</summary>
    internal string FileName
    {
        get
        {
            string name = $"{Network}:{ContainerId}:{IfName}";
            return (Encoding.UTF8.GetByteCount(name) <= LongestName ? name : NameHash.Cut("long:", name, 64)) + LeaseStore.Suffix;
        }
    }

    /// <summary>Option 61, as the reference daemon makes it, so that a server sees the same client.</summary>
    internal byte[] ClientId
    {
        get
        {
            byte[] text = Encoding.UTF8.GetBytes($"{ContainerId}/{Network}/{IfName}");
            return [0, .. text.AsSpan(0, Math.Min(text.Length, LongestClientId))]; // type 0: not a hardware address (RFC 2132 section 9.14)
        }
    }

    /// <exception cref="CniException">A part is not what the specification allows.</exception>
    internal void Validate()
    {
        Validation.NetworkName(Network);
        Validation.ContainerId(ContainerId);
        Validation.InterfaceName(IfName);
    }

    public override string ToString() => $"{Network}/{ContainerId}/{IfName}";
}
