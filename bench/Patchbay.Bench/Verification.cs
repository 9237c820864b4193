using System.Net;
using System.Net.Sockets;
using System.Text;
using Patchbay.Bench.Subjects;

namespace Patchbay.Bench;

/// <summary>Whether a program did the work it was measured for: a fast answer that leaves the container without network is no result.</summary>
internal static class Verification
{
    /// <summary>After ADD the container has both addresses and reaches both gateways, and the host masquerades; after DEL nothing is left.</summary>
    internal static string? Attached(Subject subject, string operation, Attachment attachment, bool masquerade) => operation switch
    {
        "ADD" => attachment.Container!.Run(() => Inside(attachment)) ?? (masquerade ? Masqueraded(attachment) : null),
        "DEL" => attachment.Container!.Run(() => Workspace.HasInterface("eth0"))
            ? "eth0 is still there after DEL"
            : Left(subject, attachment),
        _ => null,
    };

    private static string? Inside(Attachment attachment)
    {
        var words = Print("ip", "-o", "addr", "show", "dev", "eth0", "scope", "global").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        attachment.Addresses = [.. words.Where((_, i) => i > 0 && words[i - 1] is "inet" or "inet6").Select(a => a.Split('/')[0])];
        if (attachment.Addresses.Count != 2)
            return $"eth0 has the addresses \"{string.Join(' ', attachment.Addresses)}\" after ADD, not one of each family";
        foreach (var family in new[] { "-4", "-6" })
        {
            var route = Print("ip", "-o", family, "route", "show", "default").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            var gateway = Array.IndexOf(route, "via") is var at and >= 0 ? IPAddress.Parse(route[at + 1]) : null;
            if (gateway is null)
                return $"no default route ({family}) after ADD";
            if (!Reachable(gateway))
                return $"the gateway {gateway} does not answer after ADD";
        }
        return null;
    }

    // Nothing listens there: a refusal comes from the gateway itself.
    private static bool Reachable(IPAddress gateway)
    {
        using var socket = new Socket(gateway.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Connect(gateway, 9);
            return true;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode == SocketError.ConnectionRefused;
        }
    }

    private static string? Masqueraded(Attachment attachment)
    {
        var rules = Print("nft", "list", "ruleset");
        return rules.Contains("masquerade", StringComparison.OrdinalIgnoreCase) ? null : $"no masquerade rule on the host after ADD of {attachment.ContainerId}";
    }

    private static string? Left(Subject subject, Attachment attachment)
    {
        // netavark's rules are for the subnet and outlive one container.
        if (subject.Program == Peers.Netavark)
            return null;
        var rules = Print("nft", "list", "ruleset");
        return attachment.Addresses.FirstOrDefault(a => rules.Contains($" {a} ", StringComparison.Ordinal)) is { } address
            ? $"a rule for {address} is left after DEL"
            : null;
    }

    private static string Print(string program, params string[] arguments) => Encoding.UTF8.GetString(Spawn.Expect(Command.Of(program, arguments)));
}
