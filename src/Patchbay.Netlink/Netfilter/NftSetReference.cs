namespace Patchbay.Netlink.Netfilter;

/// <summary>Names a set in a rule: by name, or by number when the same transaction makes it.</summary>
/// <param name="Name">The set's name.</param>
/// <param name="Id">Its number in the transaction; 0 for a set that exists.</param>
public readonly record struct NftSetReference(string Name, uint Id = 0);
