using System.CommandLine;
using System.Text;
using System.Text.Json;
using Patchbay.Lab.Plan;
using Patchbay.Lab.Schema;

namespace Patchbay.Commands.Lab;

/// <summary><c>patchbay lab show</c>: the configuration as it was understood, in the form of conlink's <c>--show-config</c>.</summary>
internal static class ShowCommand
{
    public static Command Create()
    {
        LabArguments arguments = new();
        Option<bool> compact = new("--compact") { Description = "One line." };
        Command command = new("show", "Prints the configuration as it was understood: files merged, variables filled in, defaults added.");
        arguments.AddTo(command);
        command.Add(compact);
        LabCommand.SetWork(command, parsed =>
        {
            Console.WriteLine(Write(arguments.Choose(parsed).Config, indented: !parsed.GetValue(compact)));
            return 0;
        });
        return command;
    }

    public static string Write(LabConfig config, bool indented)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = indented, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            WriteBridges(writer, config);
            writer.WriteStartArray("tunnels");
            foreach (var tunnel in config.Tunnels)
                WriteTunnel(writer, tunnel);
            writer.WriteEndArray();
            foreach (var (name, kind) in (ReadOnlySpan<(string, OwnerKind)>)[("containers", OwnerKind.Container), ("services", OwnerKind.Service), ("nodes", OwnerKind.Node)])
                WriteOwners(writer, config, name, kind);
            writer.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray());
    }

    private static void WriteBridges(Utf8JsonWriter writer, LabConfig config)
    {
        writer.WriteStartObject("bridges");
        foreach (var bridge in config.Bridges)
        {
            writer.WriteStartObject(bridge.Name.Text);
            writer.WriteString("bridge", bridge.Name.Text);
            writer.WriteString("mode", ModeOf(bridge));
            WriteTexts(writer, "ip", bridge.Addresses);
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }

    private static string ModeOf(BridgeConfig bridge) => bridge.Mode == BridgeMode.OpenVSwitch ? "ovs" : bridge.Mode.ToString().ToLowerInvariant();

    private static void WriteTunnel(Utf8JsonWriter writer, TunnelConfig tunnel)
    {
        writer.WriteStartObject();
        writer.WriteString("type", tunnel.Type);
        if (tunnel.Bridge is { } bridge)
            writer.WriteString("bridge", bridge.Text);
        writer.WriteString("remote", tunnel.Remote.Text);
        writer.WriteNumber("vni", tunnel.Vni);
        writer.WriteEndObject();
    }

    private static void WriteOwners(Utf8JsonWriter writer, LabConfig config, string name, OwnerKind kind)
    {
        writer.WriteStartObject(name);
        foreach (var owner in config.Owners.Concat(config.Nodes.Select(node => new Owner(OwnerKind.Node, node.Name.Text))).Where(owner => owner.Kind == kind).Distinct())
        {
            writer.WriteStartObject(owner.Name);
            writer.WriteStartArray("links");
            foreach (var link in config.Links)
            {
                if (link.End.Owner == owner)
                    WriteLink(writer, config, link, link.End, link.Peer);
                if (link.Peer?.Owner == owner)
                    WriteLink(writer, config, link, link.Peer, link.End);
            }

            writer.WriteEndArray();
            writer.WriteStartArray("commands");
            foreach (var command in config.Commands.Where(command => command.Owner == owner))
            {
                writer.WriteStartObject();
                if (command.Shell)
                    writer.WriteString("command", string.Join('\n', command.Words));
                else
                    WriteTexts(writer, "command", command.Words);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }

    private static void WriteLink(Utf8JsonWriter writer, LabConfig config, LinkConfig link, EndConfig end, EndConfig? peer)
    {
        writer.WriteStartObject();
        writer.WriteString("type", link.Type.ToString().ToLowerInvariant());
        writer.WriteString("dev", end.Device.Text);
        if (link.Bridge is { } bridge && config.Bridges.FirstOrDefault(each => each.Name.Text == bridge.Text) is { } found)
        {
            writer.WriteStartObject("bridge");
            writer.WriteString("bridge", bridge.Text);
            writer.WriteString("mode", ModeOf(found));
            writer.WriteEndObject();
        }

        if (peer is not null)
            writer.WriteString("peer", $"{(peer.Owner.Kind == OwnerKind.Here ? "" : peer.Owner.Name)}:{peer.Device}");
        if (link.OuterDevice is { } outer)
            writer.WriteString("outer-dev", outer.Text);
        writer.WriteString("base", link.Type switch { LinkType.Veth => "conlink", LinkType.Dummy => "local", _ => "host" });
        WriteTexts(writer, "ip", end.Addresses);
        if (end.Mac is { } mac)
            writer.WriteString("mac", mac.Text);
        if ((end.Mtu ?? (link.Type is LinkType.Veth or LinkType.Dummy ? config.DefaultMtu : null)) is { } mtu)
            writer.WriteNumber("mtu", mtu);
        WriteTexts(writer, "route", end.Routes);
        WriteTexts(writer, "netem", end.Egress?.Netem ?? []);
        WriteTexts(writer, "ethtool", end.Ethtool);
        if (end.Nat is { } nat)
            writer.WriteString("nat", nat.Text);
        if (link.VlanId is { } vlan)
            writer.WriteNumber("vlanid", vlan);
        if (link.Mode is { } mode)
            writer.WriteString("mode", mode.Text);
        WriteTexts(writer, "forward", link.Forwards);
        writer.WriteEndObject();
    }

    private static void WriteTexts(Utf8JsonWriter writer, string name, IReadOnlyList<Located> texts)
    {
        if (texts.Count == 0)
            return;
        writer.WriteStartArray(name);
        foreach (var text in texts)
            writer.WriteStringValue(text.Text);
        writer.WriteEndArray();
    }
}
