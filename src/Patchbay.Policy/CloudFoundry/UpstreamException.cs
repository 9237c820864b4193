namespace Patchbay.Policy.CloudFoundry;

/// <summary>UAA or the Cloud Controller did not answer as it should.</summary>
internal sealed class UpstreamException(string message, Exception? inner = null) : Exception(message, inner);
