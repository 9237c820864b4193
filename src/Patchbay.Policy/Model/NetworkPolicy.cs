namespace Patchbay.Policy.Model;

/// <summary>One permission: the source app may open connections to these ports of the destination app.</summary>
/// <param name="Source">The source's policy group, which is an app's GUID.</param>
/// <param name="Destination">The destination's.</param>
/// <param name="Protocol">tcp or udp.</param>
/// <param name="StartPort">The first port.</param>
/// <param name="EndPort">The last one; equal to the first for a single port.</param>
internal sealed record NetworkPolicy(string Source, string Destination, string Protocol, int StartPort, int EndPort)
{
    internal bool IsSinglePort => StartPort == EndPort;
}
