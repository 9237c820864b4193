using System.Globalization;
using Patchbay.Policy.Agent.Containers;

namespace Patchbay.Policy.Agent.Plan;

/// <summary>What containers may reach outside: one range of addresses and one of ports, of a rule of a security group.</summary>
/// <param name="First">The first address.</param>
/// <param name="Last">The last address.</param>
/// <param name="Protocol">IP protocol number; 0 for all.</param>
/// <param name="FirstPort">The first port, or the type of ICMP; 0 with the last one 65535, or 255 for ICMP, is any.</param>
/// <param name="LastPort">The last port or type.</param>
/// <param name="Code">The code of ICMP; null for any.</param>
/// <param name="Log">Whether what it lets through is logged.</param>
internal sealed record EgressRule(Ipv4 First, Ipv4 Last, byte Protocol, ushort FirstPort, ushort LastPort, byte? Code, bool Log)
{
    public override string ToString()
    {
        string what = Protocol switch
        {
            0 => "all",
            AppPolicy.Icmp => string.Create(CultureInfo.InvariantCulture, $"icmp {(FirstPort == LastPort ? FirstPort : "any")}/{(Code is { } code ? code : "any")}"),
            _ => string.Create(CultureInfo.InvariantCulture, $"{AppPolicy.Word(Protocol)} {FirstPort}-{LastPort}"),
        };
        return $"{First}-{Last} {what}{(Log ? " log" : "")}";
    }
}
