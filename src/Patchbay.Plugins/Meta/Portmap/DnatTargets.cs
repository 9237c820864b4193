using System.Net;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>Where the rules of a container's chain in the old tables lead: to it. A DEL without prevResult learns from them whose connections to end.</summary>
internal static class DnatTargets
{
    private const string Option = "--to-destination";

    /// <summary>The address in a line of iptables-save(8): after --to-destination, with a port, IPv6 in brackets. Null when it translates nothing.</summary>
    internal static IPAddress? Of(string line)
    {
        var start = line.IndexOf(Option, StringComparison.Ordinal);
        if (start < 0)
            return null;
        var rest = line.AsSpan(start + Option.Length).TrimStart();
        if (rest.IndexOf(' ') is > 0 and var end)
            rest = rest[..end];
        return IPEndPoint.TryParse(rest, out var point) ? point.Address : null;
    }
}
