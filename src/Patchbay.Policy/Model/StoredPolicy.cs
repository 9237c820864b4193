namespace Patchbay.Policy.Model;

/// <summary>A policy as the store has it: with the number that it was created under, and the tags of both sides.</summary>
internal sealed record StoredPolicy(long Id, NetworkPolicy Policy, int SourceTag, int DestinationTag);
