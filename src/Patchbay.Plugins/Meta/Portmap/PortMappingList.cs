using System.Net;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Meta.Portmap;

/// <summary>Reads <c>runtimeConfig.portMappings</c>. docs/portmap.md.</summary>
internal static class PortMappingList
{
    private const int Highest = 65535;

    /// <summary>Reads the mappings of a configuration, ranges taken apart.</summary>
    /// <exception cref="CniException">Code 7: what is no mapping; the text names field and value.</exception>
    internal static IReadOnlyList<PortMapping> Read(NetworkConfig config)
    {
        if (config.RuntimeConfig?.Array("portMappings") is not { Count: > 0 } items)
            return [];
        var mappings = new List<PortMapping>(items.Count);
        var seen = new Dictionary<(Transport, ushort, IPAddress?, bool), ushort>();
        foreach (var item in items)
        {
            foreach (var mapping in Expand(item))
            {
                if (IsNew(seen, mapping, item))
                    mappings.Add(mapping);
            }
        }

        return mappings;
    }

    private static IEnumerable<PortMapping> Expand(JsonView item)
    {
        var host = Port(item, "hostPort", "host") ?? throw Invalid(item, "Invalid host port number: 0", "hostPort");
        var container = Port(item, "containerPort", "container") ?? throw Invalid(item, "Invalid container port number: 0", "containerPort");
        var count = Count(item, host, container);
        var text = item.String("protocol");
        var protocol = string.IsNullOrEmpty(text) ? Transport.Tcp : TransportText.Parse(text)
            ?? throw new CniException(CniError.InvalidNetworkConfig, $"unknown protocol \"{text}\" in \"{item.Path}.protocol\": tcp, udp, sctp and dccp have ports");
        var (hostIp, onlyIPv4) = HostIp(item);
        for (var i = 0; i < count; i++)
            yield return new PortMapping(protocol, (ushort)(host + i), (ushort)(container + i), hostIp, onlyIPv4);
    }

    private static (IPAddress? HostIp, bool? OnlyIPv4) HostIp(JsonView item)
    {
        var text = item.String("hostIP");
        if (string.IsNullOrEmpty(text))
            return (null, null);
        var address = IpText.TryParse(text)
            ?? throw new CniException(CniError.InvalidNetworkConfig, $"invalid address \"{text}\" in \"{item.Path}.hostIP\": it must be an address of this host, 0.0.0.0, :: or nothing");
        var ipv4 = address.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork;
        return (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) ? null : address, ipv4);
    }

    // Both ends may be given, or one of them: "hostPort": 8000, "hostPortEnd": 8009, "containerPort": 9000.
    private static int Count(JsonView item, int host, int container)
    {
        var hostEnd = Port(item, "hostPortEnd", "host");
        var containerEnd = Port(item, "containerPortEnd", "container");
        if (hostEnd < host)
            throw Invalid(item, $"the range of host ports ends at {hostEnd}, before it begins at {host}", "hostPortEnd");
        if (containerEnd < container)
            throw Invalid(item, $"the range of container ports ends at {containerEnd}, before it begins at {container}", "containerPortEnd");
        var count = (hostEnd - host ?? containerEnd - container ?? 0) + 1;
        if (hostEnd is not null && containerEnd is not null && containerEnd - container + 1 != count)
            throw Invalid(item, $"{count} host ports ({host}-{hostEnd}) cannot lead to {containerEnd - container + 1} container ports ({container}-{containerEnd})", "containerPortEnd");
        if (host + count - 1 > Highest)
            throw Invalid(item, $"{count} ports from {host} on reach beyond {Highest}", "hostPort");
        if (container + count - 1 > Highest)
            throw Invalid(item, $"{count} ports from {container} on reach beyond {Highest}", "containerPort");
        return count;
    }

    private static int? Port(JsonView item, string key, string whose)
    {
        if (item.Get(key) is not { } value)
            return null;
        if (value.Element.ValueKind == System.Text.Json.JsonValueKind.Number && value.Element.TryGetInt64(out var number))
            return number is > 0 and <= Highest ? (int)number : throw Invalid(item, $"Invalid {whose} port number: {number}", key);
        throw new CniException(CniError.InvalidNetworkConfig, value.Error($"must be a port from 1 to {Highest}").Message);
    }

    // The same mapping twice is one; two ways for the same packets are a mistake.
    private static bool IsNew(Dictionary<(Transport, ushort, IPAddress?, bool), ushort> seen, PortMapping mapping, JsonView item)
    {
        var isNew = false;
        foreach (var ipv4 in (ReadOnlySpan<bool>)[true, false])
        {
            if (!mapping.AppliesTo(ipv4))
                continue;
            var key = (mapping.Protocol, mapping.HostPort, mapping.HostIp, ipv4);
            if (!seen.TryGetValue(key, out var port))
            {
                seen[key] = mapping.ContainerPort;
                isNew = true;
            }
            else if (port != mapping.ContainerPort)
            {
                throw Invalid(item, $"{mapping.Text(ipv4)} leads to the container's ports {port} and {mapping.ContainerPort}", "containerPort");
            }
        }

        return isNew;
    }

    private static CniException Invalid(JsonView item, string problem, string key) => new(CniError.InvalidNetworkConfig, $"{problem} (\"{item.Path}.{key}\" must be from 1 to {Highest})");
}
