using System.Globalization;
using Patchbay.Policy.Agent.Containers;

namespace Patchbay.Policy.Agent.Plan;

/// <summary>Ports of a local container that packets with a tag may go to.</summary>
/// <param name="Tag">The tag.</param>
/// <param name="Address">The container.</param>
/// <param name="Protocol">IP protocol number.</param>
/// <param name="First">The first port.</param>
/// <param name="Last">The last port.</param>
internal readonly record struct AllowedPorts(uint Tag, Ipv4 Address, byte Protocol, ushort First, ushort Last)
{
    internal bool Contains(ushort port) => First <= port && port <= Last;

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"mark 0x{Tag:x} to {Address} {AppPolicy.Word(Protocol)} {First}{(First == Last ? "" : $"-{Last}")}");
}
