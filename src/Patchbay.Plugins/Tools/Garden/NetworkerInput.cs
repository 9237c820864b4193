using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Meta.Wrapper;

namespace Patchbay.Plugins.Tools.Garden;

/// <summary>What Garden tells on standard input. Keys match whatever their case, and unknown ones are left alone.</summary>
/// <param name="root">The object.</param>
internal sealed class NetworkerInput(JsonView root)
{
    private const int Most = 16 << 20;

    /// <summary>Reads an action's input; <c>null</c> and nothing read as an empty object.</summary>
    /// <exception cref="NetworkerException">It is no JSON object.</exception>
    internal static NetworkerInput Read(Stream input, string action)
    {
        var bytes = new MemoryStream();
        try
        {
            Span<byte> buffer = stackalloc byte[4096];
            for (int count; (count = input.Read(buffer)) > 0;)
            {
                bytes.Write(buffer[..count]);
                if (bytes.Length > Most)
                    throw new NetworkerException($"{action}: the input is longer than {Most >> 20} MiB");
            }

            var text = bytes.ToArray();
            return new NetworkerInput(JsonView.Parse(text.AsSpan().Trim(" \t\r\n"u8).IsEmpty ? "{}"u8.ToArray() : text, "input"));
        }
        catch (Exception error) when (error is JsonException or CniException or IOException)
        {
            throw new NetworkerException($"{action}: decoding stdin: {error.Message}", error);
        }
    }

    internal int Pid => (int)(root.Integer("pid", 0, int.MaxValue) ?? 0);

    /// <summary>Garden's properties of the container; null when there are none.</summary>
    internal JsonView? Properties => root.Object("properties") is { } found && found.Pairs().Any() ? found : null;

    internal IReadOnlyList<NetIn> NetIn => [.. (root.Array("netin") ?? []).Select(Meta.Wrapper.NetIn.Read)];

    internal IReadOnlyList<JsonView> NetOutRules => root.Array("netout_rules") ?? [];

    /// <summary>The rules of net-out and bulk-net-out.</summary>
    internal IReadOnlyList<JsonView> Rules => root.Object("netout_rule") is { } one ? [one] : NetOutRules;

    internal IPAddress ContainerIp => V4("container_ip") ?? V4("ContainerIP") ?? throw root.Error("has no \"container_ip\"");

    internal IPAddress HostIp => V4("HostIP") ?? throw root.Error("has no \"HostIP\"");

    /// <summary>The ports of net-in.</summary>
    internal NetIn Ports => new(Port("HostPort"), Port("ContainerPort"));

    private ushort Port(string key) => (ushort)(root.Integer(key, 0, ushort.MaxValue) ?? 0);

    private IPAddress? V4(string key)
    {
        if (root.Address(key) is not { } address)
            return null;
        return address.AddressFamily == AddressFamily.InterNetwork ? address : throw root.Get(key)!.Value.Error("must be an IPv4 address");
    }
}
