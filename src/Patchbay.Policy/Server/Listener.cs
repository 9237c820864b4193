namespace Patchbay.Policy.Server;

/// <summary>Which of the server's ports a connection came in by: what may be asked depends on that, never on the request's own words.</summary>
internal enum Listener
{
    External,
    Internal,
    Health,
    Debug,
}
