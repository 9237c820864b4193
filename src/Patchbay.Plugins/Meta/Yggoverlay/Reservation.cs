using System.Buffers;
using System.Net;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Meta.Yggoverlay;

/// <summary>Whose an address is and how it was wired, so that it can be taken away knowing no more than container and interface.</summary>
internal sealed record Reservation
{
    internal required string ContainerId { get; init; }

    internal required string IfName { get; init; }

    internal required string Network { get; init; }

    /// <summary>What the address was derived from.</summary>
    internal required string Name { get; init; }

    internal required IPAddress Address { get; init; }

    internal required IPNetwork Subnet { get; init; }

    /// <summary>CNI_NETNS.</summary>
    internal required string Netns { get; init; }

    /// <summary>What was at <see cref="Netns"/>; another namespace there now is not the container's.</summary>
    internal required FileIdentity Identity { get; init; }

    /// <summary>The host's interface with the gateway's address.</summary>
    internal required string Gateway { get; init; }

    internal required WiringMode Mode { get; init; }

    internal required uint Table { get; init; }

    internal required uint Priority { get; init; }

    internal required Ingress Ingress { get; init; }

    /// <summary>Its end was announced: the next container of the name may have the address, though this one is still alive.</summary>
    internal bool IsReleased { get; init; }

    internal bool IsOf(string containerId, string ifName) => ContainerId == containerId && IfName == ifName;

    /// <summary>False when the container's namespace is gone: containers that end without a DEL hold nothing.</summary>
    internal bool IsAlive => IsIn(Netns);

    /// <summary>True when a path leads to the container's namespace: paths are reused.</summary>
    internal bool IsIn(string netns) => FileIdentity.Of(netns) is { } now && now.Device == Identity.Device && now.Inode == Identity.Inode;

    internal ReadOnlyMemory<byte> ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>(512);
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true, Encoder = JsonEscaping.Instance }))
        {
            writer.WriteStartObject();
            writer.WriteString("containerID"u8, ContainerId);
            writer.WriteString("ifname"u8, IfName);
            writer.WriteString("network"u8, Network);
            writer.WriteString("name"u8, Name);
            writer.WriteString("address"u8, IpText.Format(Address));
            writer.WriteString("subnet"u8, $"{IpText.Format(Subnet.BaseAddress)}/{Subnet.PrefixLength}");
            writer.WriteString("netns"u8, Netns);
            writer.WriteNumber("device"u8, Identity.Device);
            writer.WriteNumber("inode"u8, Identity.Inode);
            writer.WriteString("gateway"u8, Gateway);
            writer.WriteString("mode"u8, Mode == WiringMode.Routed ? "routed" : "bridge");
            writer.WriteNumber("table"u8, Table);
            writer.WriteNumber("priority"u8, Priority);
            writer.WriteString("ingress"u8, Ingress switch { Ingress.Established => "established", Ingress.Deny => "deny", _ => "open" });
            if (IsReleased)
                writer.WriteBoolean("released"u8, true);
            writer.WriteEndObject();
        }

        return buffer.WrittenMemory;
    }

    /// <summary>Reads a file; null for one that is damaged.</summary>
    internal static Reservation? Parse(byte[] json)
    {
        try
        {
            var view = JsonView.Parse(json, "reservation");
            return new Reservation
            {
                ContainerId = view.String("containerID")!,
                IfName = view.String("ifname")!,
                Network = view.String("network") ?? "",
                Name = view.String("name") ?? "",
                Address = view.Address("address")!,
                Subnet = MeshAddress.ParseSubnet(view.String("subnet"))!.Value,
                Netns = view.String("netns") ?? "",
                Identity = new FileIdentity(view.Unsigned("device") ?? 0, view.Unsigned("inode") ?? 0, IsRegular: true),
                Gateway = view.String("gateway") ?? "",
                Mode = view.String("mode") == "routed" ? WiringMode.Routed : WiringMode.Bridge,
                Table = (uint)view.Integer("table", 1, uint.MaxValue)!.Value,
                Priority = (uint)view.Integer("priority", 1, uint.MaxValue)!.Value,
                Ingress = view.String("ingress") switch { "established" => Ingress.Established, "deny" => Ingress.Deny, _ => Ingress.Open },
                IsReleased = view.Boolean("released") ?? false,
            } is { ContainerId.Length: > 0, IfName.Length: > 0, Address: not null, Gateway.Length: > 0 } read && !read.Gateway.Contains('/', StringComparison.Ordinal) ? read : null;
        }
        catch (Exception error) when (error is JsonException or CniException or InvalidOperationException)
        {
            return null;
        }
    }
}
