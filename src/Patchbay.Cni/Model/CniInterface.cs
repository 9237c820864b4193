namespace Patchbay.Cni.Model;

/// <summary>An interface that a result names.</summary>
public sealed record CniInterface
{
    /// <summary>Name of the device.</summary>
    public required string Name { get; init; }

    /// <summary>Hardware address as text, or null.</summary>
    public string? Mac { get; init; }

    /// <summary>MTU in bytes; 0 when not told.</summary>
    public int Mtu { get; init; }

    /// <summary>Path of the namespace or identity of the virtual machine; null for an interface of the host.</summary>
    public string? Sandbox { get; init; }

    /// <summary>Absolute path of a socket that belongs to the interface, or null.</summary>
    public string? SocketPath { get; init; }

    /// <summary>Identity of the PCI device behind the interface, or null.</summary>
    public string? PciId { get; init; }
}
