namespace Patchbay.Policy.Agent.Plan;

/// <summary>One permission as an agent gets it.</summary>
/// <param name="Source">The app that may connect.</param>
/// <param name="Tag">The mark of its packets.</param>
/// <param name="Destination">The app that it may connect to.</param>
/// <param name="Protocol">IP protocol number: 6 TCP, 17 UDP.</param>
/// <param name="FirstPort">The first port.</param>
/// <param name="LastPort">The last port.</param>
internal sealed record AppPolicy(string Source, ushort Tag, string Destination, byte Protocol, ushort FirstPort, ushort LastPort)
{
    internal const byte Icmp = 1;
    internal const byte Tcp = 6;
    internal const byte Udp = 17;

    /// <summary>The word for a protocol number that policies know.</summary>
    internal static string Word(byte protocol) => protocol switch { Tcp => "tcp", Udp => "udp", Icmp => "icmp", _ => "all" };
}
