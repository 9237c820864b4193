using System.Globalization;
using System.Text;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Meta.Wrapper;

namespace Patchbay.Plugins.Tools.Garden;

/// <summary>What Garden reads on standard output.</summary>
internal static class NetworkerOutput
{
    // Garden asks for an address of the host on the container's subnet; there is none.
    private const string NoHostIp = "255.255.255.255";

    /// <summary>The answer to up.</summary>
    /// <param name="config">Which era.</param>
    /// <param name="result">The last network's result.</param>
    /// <param name="ports">The container's mapped ports.</param>
    internal static byte[] OfUp(NetworkerConfig config, CniResult result, IReadOnlyList<NetIn> ports) => WrittenJson.Of(writer =>
    {
        var address = AddressIn(result);
        writer.WriteStartObject();
        writer.WriteStartObject("properties"u8);
        writer.WriteString("garden.network.container-ip"u8, IpText.Format(address.Address.Address));
        writer.WriteString("garden.network.host-ip"u8, NoHostIp);
        if (!config.MakesRules || ports.Count > 0)
            writer.WriteString("garden.network.mapped-ports"u8, Mapped(ports));
        if (!config.MakesRules)
        {
            if (InterfaceOf(result, address) is { Length: > 0 } name)
                writer.WriteString("garden.network.interface"u8, name);
            if (result.Ips.FirstOrDefault(ip => !ip.Address.IsIPv4) is { } v6)
                writer.WriteString("garden.network.container-ipv6"u8, IpText.Format(v6.Address.Address));
        }

        writer.WriteEndObject();
        if (!config.MakesRules)
        {
            // Without these Garden takes the host's own.
            List(writer, "dns_servers", result.Dns.Nameservers);
            List(writer, "search_domains", config.SearchDomains);
        }

        writer.WriteEndObject();
    });

    /// <summary>The answer to net-in.</summary>
    internal static byte[] OfNetIn(NetIn ports) => WrittenJson.Of(writer =>
    {
        writer.WriteStartObject();
        writer.WriteNumber("host_port"u8, ports.HostPort);
        writer.WriteNumber("container_port"u8, ports.ContainerPort);
        writer.WriteEndObject();
    });

    /// <summary>The container's address.</summary>
    /// <exception cref="NetworkerException">The result has none of IPv4.</exception>
    internal static CniIp AddressIn(CniResult result) =>
        result.Ips.FirstOrDefault(ip => ip.Address.IsIPv4) ?? throw new NetworkerException("expected an IPv4 address in the CNI result");

    private static string? InterfaceOf(CniResult result, CniIp ip)
    {
        if (ip.Interface is not { } index)
            return null;
        return index >= 0 && index < result.Interfaces.Count ? result.Interfaces[index].Name
            : throw new NetworkerException(string.Create(CultureInfo.InvariantCulture, $"no corresponding interface found for the address {ip.Address}: the result has {result.Interfaces.Count} interfaces, and the address is of number {index}"));
    }

    // A text in the text: Garden keeps properties as texts.
    private static string Mapped(IReadOnlyList<NetIn> ports) => Encoding.UTF8.GetString(WrittenJson.Of(writer =>
    {
        writer.WriteStartArray();
        foreach (var port in ports)
        {
            writer.WriteStartObject();
            writer.WriteNumber("HostPort"u8, port.HostPort);
            writer.WriteNumber("ContainerPort"u8, port.ContainerPort);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }));

    private static void List(Utf8JsonWriter writer, string key, IReadOnlyList<string> values)
    {
        if (values.Count == 0)
            return;
        writer.WriteStartArray(key);
        foreach (var value in values)
            writer.WriteStringValue(value);
        writer.WriteEndArray();
    }
}
