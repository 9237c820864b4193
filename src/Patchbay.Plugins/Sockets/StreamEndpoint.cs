using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Sockets;

/// <summary>Where a server of this host listens.</summary>
/// <param name="Text">The text.</param>
/// <param name="Family">AF_UNIX, AF_INET or AF_INET6.</param>
/// <param name="Address">struct sockaddr_un, sockaddr_in or sockaddr_in6.</param>
internal sealed record StreamEndpoint(string Text, int Family, byte[] Address)
{
    internal const int AF_INET6 = 10;
    private const int AF_UNIX = 1;
    private const int AF_INET = 2;
    private const int LongestPath = 107; // unix(7)
    private const string Unix = "unix://";
    private const string Tcp = "tcp://";

    /// <summary>Reads <c>unix:///path</c>, <c>/path</c>, <c>unix://@abstract</c>, <c>tcp://address:port</c>; the only host name is localhost.</summary>
    /// <returns>The endpoint; null when the text is none.</returns>
    internal static StreamEndpoint? TryParse(string text)
    {
        if (text.StartsWith(Tcp, StringComparison.Ordinal))
            return ParseTcp(text);
        var path = text.StartsWith(Unix, StringComparison.Ordinal) ? text[Unix.Length..] : text;
        if (path.Length < 2 || path[0] is not ('/' or '@'))
            return null;
        var bytes = Encoding.UTF8.GetBytes(path);
        if (bytes.Length > LongestPath || bytes.Contains((byte)0))
            return null;
        if (bytes[0] == '@')
            bytes[0] = 0; // unix(7), abstract
        else
            bytes = [.. bytes, 0];
        return new StreamEndpoint(text, AF_UNIX, [AF_UNIX, 0, .. bytes]);
    }

    private static StreamEndpoint? ParseTcp(string text)
    {
        var rest = text.AsSpan(Tcp.Length).TrimEnd('/');
        var colon = rest.LastIndexOf(':');
        if (colon < 1 || !ushort.TryParse(rest[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port == 0)
            return null;
        var host = rest[..colon];
        var address = host is "localhost" ? IPAddress.Loopback : IpText.TryParse(host is ['[', .., ']'] ? host[1..^1] : host);
        if (address is null)
            return null;
        byte[] portBytes = [(byte)(port >> 8), (byte)port], bytes = address.GetAddressBytes();
        return address.AddressFamily == AddressFamily.InterNetwork
            ? new StreamEndpoint(text, AF_INET, [AF_INET, 0, .. portBytes, .. bytes, .. new byte[8]])
            : new StreamEndpoint(text, AF_INET6, [AF_INET6, 0, .. portBytes, 0, 0, 0, 0, .. bytes, 0, 0, 0, 0]);
    }
}
