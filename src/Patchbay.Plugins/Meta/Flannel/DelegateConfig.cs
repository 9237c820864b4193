using System.Buffers;
using System.Text.Json;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Meta.Flannel;

/// <summary>Writes the configuration for the plugin that makes the interface.</summary>
internal static class DelegateConfig
{
    private const string PrevResult = "prevResult";
    private const string Version = "cniVersion";

    private static JsonWriterOptions Options => new() { Encoder = JsonEscaping.Instance, MaxDepth = 256 };

    /// <summary>The configuration for ADD: the user's keys, and what flanneld has leased.</summary>
    /// <param name="config">The user's keys.</param>
    /// <param name="subnet">The lease; null for a teardown without one, whose addresses are then those of <paramref name="subnets"/>.</param>
    /// <param name="subnets">Ranges for the address management where there is no lease.</param>
    internal static NetworkConfig Make(FlannelConfig config, SubnetFile? subnet, IReadOnlyList<IpPrefix>? subnets = null) => Write(writer =>
    {
        var network = config.Network;
        writer.WriteStartObject();
        if (config.Delegate is { } keys)
            Copy(writer, keys, "type", "name", Version, "runtimeConfig", "ipam");
        writer.WriteString("name", network.Name);
        writer.WriteString("type", config.DelegateType);
        if (network.Root.Has(Version))
            writer.WriteString(Version, network.VersionText);
        if (subnet is not null && !Given("ipMasq"))
            writer.WriteBoolean("ipMasq", !subnet.IpMasq);
        if (subnet is not null && !Given("mtu"))
            writer.WriteNumber("mtu", subnet.Mtu);
        if (config.DelegateType == "bridge" && !Given("isGateway"))
            writer.WriteBoolean("isGateway", true);
        foreach (var passed in (ReadOnlySpan<string>)["runtimeConfig", "cni.dev/valid-attachments", "cni.dev/attachments"])
        {
            if (network.Root.Get(passed) is { } value)
            {
                writer.WritePropertyName(passed);
                value.Element.WriteTo(writer);
            }
        }

        WriteIpam(writer, config, subnet, subnets ?? [.. Leased(subnet)]);
        writer.WriteEndObject();

        bool Given(string key) => config.Delegate?.Has(key) == true;
    });

    /// <summary>The configuration of an attachment for a later command: as it was made, with the result, version and attachments of now.</summary>
    internal static NetworkConfig Renew(JsonView made, NetworkConfig now) => Write(writer =>
    {
        writer.WriteStartObject();
        Copy(writer, made, Version, PrevResult, StateFile.InterfaceKey);
        if (now.Root.Has(Version))
            writer.WriteString(Version, now.VersionText);
        if (now.Root.Get(PrevResult) is { } result)
        {
            writer.WritePropertyName(PrevResult);
            result.Element.WriteTo(writer);
        }

        writer.WriteEndObject();
    });

    /// <summary>A configuration with one more key.</summary>
    internal static ReadOnlyMemory<byte> With(NetworkConfig config, string key, string value)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer, Options))
        {
            writer.WriteStartObject();
            Copy(writer, config.Root, key);
            writer.WriteString(key, value);
            writer.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }

    /// <summary>The subnets of a lease.</summary>
    internal static IEnumerable<IpPrefix> Leased(SubnetFile? subnet)
    {
        if (subnet?.Subnet is { } ipv4)
            yield return ipv4;
        if (subnet?.Subnet6 is { } ipv6)
            yield return ipv6;
    }

    // The user's keys are the base; the ranges are flanneld's, and every network of it is routed.
    private static void WriteIpam(Utf8JsonWriter writer, FlannelConfig config, SubnetFile? subnet, IReadOnlyList<IpPrefix> subnets)
    {
        writer.WriteStartObject("ipam");
        if (config.Ipam is { } keys)
            Copy(writer, keys, "type", "ranges", "routes");
        writer.WriteString("type", config.IpamType);
        if (subnets.Count > 0)
        {
            writer.WriteStartArray("ranges");
            foreach (var each in subnets)
            {
                writer.WriteStartArray();
                writer.WriteStartObject();
                writer.WriteString("subnet", each.ToString());
                writer.WriteEndObject();
                writer.WriteEndArray();
            }

            writer.WriteEndArray();
        }

        writer.WriteStartArray("routes");
        var given = new List<IpPrefix>();
        foreach (var route in config.Ipam?.Array("routes") ?? [])
        {
            route.Element.WriteTo(writer);
            if (route.Prefix("dst") is { } destination)
                given.Add(new IpPrefix(destination.Network.BaseAddress, destination.PrefixLength));
        }

        foreach (var network in subnet?.Networks ?? [])
        {
            if (given.Contains(network))
                continue; // the kernel takes no route twice
            writer.WriteStartObject();
            writer.WriteString("dst", network.ToString());
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    // Keys match whatever their case, so what we set must not stand there a second time.
    private static void Copy(Utf8JsonWriter writer, JsonView from, params ReadOnlySpan<string> without)
    {
        foreach (var (key, value) in from.Pairs())
        {
            var skip = value.Element.ValueKind == JsonValueKind.Null;
            foreach (var each in without)
                skip |= string.Equals(each, key, StringComparison.OrdinalIgnoreCase);
            if (skip)
                continue;
            writer.WritePropertyName(key);
            value.Element.WriteTo(writer);
        }
    }

    private static NetworkConfig Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer, Options))
            write(writer);
        return NetworkConfig.Parse(buffer.WrittenMemory);
    }
}
