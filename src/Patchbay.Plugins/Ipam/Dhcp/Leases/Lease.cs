using System.Buffers;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Ipam.Dhcp.Protocol;

namespace Patchbay.Plugins.Ipam.Dhcp.Leases;

/// <summary>A lease as it is kept on disk: all that is needed to prolong it or give it back.</summary>
internal sealed record Lease
{
    private const int Format = 1;

    internal required LeaseKey Key { get; init; }

    internal required ClientSettings Settings { get; init; }

    /// <summary>Where the interface is.</summary>
    internal required LeasePlace Place { get; init; }

    /// <summary>The Ethernet address that the server's answer came from: the server's, or its relay's.</summary>
    internal required MacAddress ServerHardware { get; init; }

    /// <summary>The last DHCPACK.</summary>
    internal required DhcpMessage Ack { get; init; }

    /// <summary>When it was asked for, since the start of the machine.</summary>
    internal required TimeSpan BoundAt { get; init; }

    /// <summary>Which start of the machine that was.</summary>
    internal required string BootId { get; init; }

    internal byte[] ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            var terms = new LeaseTerms(Ack);
            writer.WriteStartObject();
            writer.WriteNumber("format"u8, Format);
            writer.WriteString("network"u8, Key.Network);
            writer.WriteString("containerId"u8, Key.ContainerId);
            writer.WriteString("ifName"u8, Key.IfName);
            writer.WriteString("netns"u8, Place.NetnsPath);
            writer.WriteString("netnsDevice"u8, Place.Device.ToString("x", null));
            writer.WriteString("netnsInode"u8, Place.Inode.ToString("x", null));
            writer.WriteNumber("ifIndex"u8, Place.LinkIndex);
            writer.WriteString("mac"u8, Place.Hardware.ToString());
            writer.WriteString("serverMac"u8, ServerHardware.ToString());
            writer.WriteString("bootId"u8, BootId);
            writer.WriteNumber("boundAt"u8, BoundAt.Ticks);
            WriteSettings(writer, Settings);
            writer.WriteBase64String("ack"u8, Ack.ToBytes());

            // For people and programs that look into the file; not read back.
            writer.WriteString("address"u8, LeaseTerms.Text(terms.Address));
            writer.WriteString("server"u8, LeaseTerms.Text(Ack.Server));
            if (!terms.IsForEver)
                writer.WriteNumber("leaseSeconds"u8, (long)terms.Length.TotalSeconds);
            writer.WriteStartArray("ntpServers"u8);
            foreach (string server in terms.NtpServers)
                writer.WriteStringValue(server);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <exception cref="FormatException">It is not a lease; the text says what is wrong.</exception>
    internal static Lease Parse(ReadOnlyMemory<byte> json)
    {
        try
        {
            var view = JsonView.Parse(json, "lease");
            if (view.Integer("format", 1, int.MaxValue) != Format)
                throw new FormatException("it is of another version of this program");
            var lease = new Lease
            {
                Key = new LeaseKey(Text(view, "network"), Text(view, "containerId"), Text(view, "ifName")),
                Place = new LeasePlace
                {
                    NetnsPath = Text(view, "netns"),
                    Device = Hexadecimal(view, "netnsDevice"),
                    Inode = Hexadecimal(view, "netnsInode"),
                    LinkIndex = (int)(view.Integer("ifIndex", 1, int.MaxValue) ?? 0),
                    Hardware = Hardware(view, "mac"),
                },
                ServerHardware = Hardware(view, "serverMac"),
                BootId = Text(view, "bootId"),
                BoundAt = TimeSpan.FromTicks(view.Integer("boundAt", 0, long.MaxValue / 4) ?? 0),
                Settings = ReadSettings(view),
                Ack = DhcpMessage.TryParse(Bytes(view, "ack")) is { Type: DhcpMessageType.Ack } ack ? ack : throw new FormatException("\"ack\" is not a DHCPACK"),
            };
            lease.Key.Validate();
            return lease;
        }
        catch (Exception error) when (error is JsonException or CniException)
        {
            throw new FormatException(error.Message, error);
        }
    }

    /// <summary>What a client says of itself, in files and in requests to the daemon.</summary>
    internal static void WriteSettings(Utf8JsonWriter writer, ClientSettings settings)
    {
        writer.WriteStartObject("client"u8);
        writer.WriteBase64String("id"u8, settings.ClientId);
        writer.WriteBase64String("request"u8, settings.Request);
        writer.WriteNumber("priority"u8, settings.Priority);
        writer.WriteBoolean("takesMtu"u8, settings.TakesMtu);
        writer.WriteStartArray("provide"u8);
        foreach (var (code, value) in settings.Provide)
        {
            writer.WriteStartObject();
            writer.WriteNumber("code"u8, code);
            writer.WriteBase64String("value"u8, value);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        writer.WriteEndObject();
    }

    internal static ClientSettings ReadSettings(JsonView parent)
    {
        var view = parent.Object("client") ?? throw parent.Error("has no \"client\"");
        return new ClientSettings
        {
            ClientId = Bytes(view, "id"),
            Request = Bytes(view, "request"),
            Priority = (int)(view.Integer("priority", 0, int.MaxValue) ?? 0),
            TakesMtu = view.Boolean("takesMtu") ?? false,
            Provide = [.. (view.Array("provide") ?? []).Select(each => ((byte)(each.Integer("code", 1, 254) ?? 0), Bytes(each, "value")))],
        };
    }

    private static string Text(JsonView view, string name) => view.String(name) ?? throw view.Error($"has no \"{name}\"");

    private static ulong Hexadecimal(JsonView view, string name) =>
        ulong.TryParse(Text(view, name), System.Globalization.NumberStyles.AllowHexSpecifier, null, out ulong value) ? value : throw view.Error($"has no number in \"{name}\"");

    private static MacAddress Hardware(JsonView view, string name) =>
        MacAddress.TryParse(Text(view, name), out var address) ? address : throw view.Error($"has no Ethernet address in \"{name}\"");

    private static byte[] Bytes(JsonView view, string name) =>
        view.Get(name) is { Element.ValueKind: JsonValueKind.String } value && value.Element.TryGetBytesFromBase64(out byte[]? bytes) ? bytes : throw view.Error($"has no bytes in \"{name}\"");
}
