namespace Patchbay.Policy.Overlay.Agent;

/// <summary>The agent must end: to go on would cut what runs, or touch what is somebody else's. The text names the way out.</summary>
internal sealed class OverlayException(string message, Exception? inner = null) : Exception(message, inner);
