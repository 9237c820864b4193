namespace Patchbay.Policy.Server;

/// <summary>Marks every connection of a listener.</summary>
internal sealed record ListenerFeature(Listener Listener);
