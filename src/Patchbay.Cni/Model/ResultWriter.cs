using System.Net;
using System.Text.Json;

namespace Patchbay.Cni.Model;

/// <summary>Writes results in the form of each version: which keys, in which order, and what is left out.</summary>
internal static class ResultWriter
{
    internal static void Write(Utf8JsonWriter writer, CniResult result, SpecVersion version)
    {
        if (!SpecVersion.All.Contains(version))
            throw new CniException(CniError.Internal, $"unsupported CNI result version \"{version}\"");

        CniIp? v4 = result.Ips.FirstOrDefault(ip => ip.Address.IsIPv4);
        CniIp? v6 = result.Ips.FirstOrDefault(ip => !ip.Address.IsIPv4);
        if (version.HasFlatResult && v4 is null && v6 is null)
            throw new CniException(CniError.Internal, "cannot convert: no valid IP addresses");

        writer.WriteStartObject();
        writer.WriteString("cniVersion"u8, version.ToString());
        if (version.HasFlatResult)
        {
            Family(writer, "ip4", v4, result.Routes, ipv4: true);
            Family(writer, "ip6", v6, result.Routes, ipv4: false);
            result.Dns.Write(writer);
        }
        else if (version < SpecVersion.V100)
        {
            Lists(writer, result, oldForm: true);
            result.Dns.Write(writer);
        }
        else
        {
            // Since 1.0.0 keys are in alphabetical order at every level.
            if (!result.Dns.IsEmpty)
                result.Dns.Write(writer);
            Lists(writer, result, oldForm: false);
        }

        writer.WriteEndObject();
    }

    private static void Family(Utf8JsonWriter writer, string key, CniIp? ip, IReadOnlyList<CniRoute> routes, bool ipv4)
    {
        if (ip is null)
            return;
        writer.WriteStartObject(key);
        writer.WriteString("ip"u8, ip.Address.ToString());
        Address(writer, "gateway", ip.Gateway);
        bool any = false;
        foreach (CniRoute route in routes)
        {
            if (route.Dst.IsIPv4 != ipv4)
                continue;
            if (!any)
                writer.WriteStartArray("routes"u8);
            any = true;
            writer.WriteStartObject();
            writer.WriteString("dst"u8, route.Dst.ToString());
            Address(writer, "gw", route.Gw);
            writer.WriteEndObject();
        }

        if (any)
            writer.WriteEndArray();
        writer.WriteEndObject();
    }

    private static void Lists(Utf8JsonWriter writer, CniResult result, bool oldForm)
    {
        Each(writer, "interfaces", result.Interfaces, item => Interface(writer, item, oldForm));
        Each(writer, "ips", result.Ips, item => Ip(writer, item, oldForm));
        Each(writer, "routes", result.Routes, item => Route(writer, item, oldForm));
    }

    private static void Each<T>(Utf8JsonWriter writer, string key, IReadOnlyList<T> items, Action<T> write)
    {
        if (items.Count == 0)
            return;
        writer.WriteStartArray(key);
        foreach (T item in items)
        {
            writer.WriteStartObject();
            write(item);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    private static void Interface(Utf8JsonWriter writer, CniInterface item, bool oldForm)
    {
        if (oldForm)
        {
            writer.WriteString("name"u8, item.Name);
            Text(writer, "mac", item.Mac);
            Text(writer, "sandbox", item.Sandbox);
            return;
        }

        Text(writer, "mac", item.Mac);
        Number(writer, "mtu", item.Mtu);
        writer.WriteString("name"u8, item.Name);
        Text(writer, "pciID", item.PciId);
        Text(writer, "sandbox", item.Sandbox);
        Text(writer, "socketPath", item.SocketPath);
    }

    private static void Ip(Utf8JsonWriter writer, CniIp item, bool oldForm)
    {
        if (oldForm)
        {
            writer.WriteString("version"u8, item.Address.IsIPv4 ? "4"u8 : "6"u8);
            if (item.Interface is { } before)
                writer.WriteNumber("interface"u8, before);
        }

        writer.WriteString("address"u8, item.Address.ToString());
        Address(writer, "gateway", item.Gateway);
        if (!oldForm && item.Interface is { } after)
            writer.WriteNumber("interface"u8, after);
    }

    // The fields that 1.1.0 added are written in 0.3.0 to 0.4.0 too: peers of that age do, and readers skip what they do not know.
    private static void Route(Utf8JsonWriter writer, CniRoute item, bool oldForm)
    {
        if (oldForm)
        {
            writer.WriteString("dst"u8, item.Dst.ToString());
            Address(writer, "gw", item.Gw);
            Number(writer, "mtu", item.Mtu);
            Number(writer, "advmss", item.AdvMss);
            Number(writer, "priority", item.Priority);
            Optional(writer, "table", item.Table);
            Optional(writer, "scope", item.Scope);
            return;
        }

        Number(writer, "advmss", item.AdvMss);
        writer.WriteString("dst"u8, item.Dst.ToString());
        Address(writer, "gw", item.Gw);
        Number(writer, "mtu", item.Mtu);
        Number(writer, "priority", item.Priority);
        Optional(writer, "scope", item.Scope);
        Optional(writer, "table", item.Table);
    }

    private static void Address(Utf8JsonWriter writer, string key, IPAddress? value)
    {
        if (value is not null)
            writer.WriteString(key, IpText.Format(value));
    }

    private static void Text(Utf8JsonWriter writer, string key, string? value)
    {
        if (!string.IsNullOrEmpty(value))
            writer.WriteString(key, value);
    }

    private static void Number(Utf8JsonWriter writer, string key, int value)
    {
        if (value != 0)
            writer.WriteNumber(key, value);
    }

    private static void Optional(Utf8JsonWriter writer, string key, int? value)
    {
        if (value is { } number)
            writer.WriteNumber(key, number);
    }
}
