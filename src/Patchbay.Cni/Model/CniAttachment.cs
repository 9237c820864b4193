namespace Patchbay.Cni.Model;

/// <summary>One container's connection to a network, as GC names it.</summary>
/// <param name="ContainerId">The container.</param>
/// <param name="IfName">The interface in it.</param>
public readonly record struct CniAttachment(string ContainerId, string IfName);
