using System.CommandLine;
using System.Text.Json;
using Patchbay.Lab.Life;
using Patchbay.Lab.Plan;
using Patchbay.Netlink.Rtnetlink;
using Spectre.Console;

namespace Patchbay.Commands.Lab;

/// <summary><c>patchbay lab inspect</c>: the interfaces of a lab as they are.</summary>
internal static class InspectCommand
{
    public static Command Create()
    {
        LabArguments arguments = new();
        Option<bool> json = new("--json", "-j") { Description = "Print JSON." };
        Command command = new("inspect", "Shows the interfaces of a lab: addresses, peers, state.");
        arguments.AddTo(command);
        command.Add(json);
        LabCommand.SetWork(command, parsed =>
        {
            var chosen = arguments.Choose(parsed);
            using var session = new LabSession(chosen.Name, chosen.Config, chosen.Options);
            session.Look();
            if (parsed.GetValue(json))
                WriteJson(session);
            else
                WriteTable(session);
            return 0;
        });
        return command;
    }

    private static void WriteTable(LabSession session)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in (ReadOnlySpan<string>)["Node", "Interface", "State", "MTU", "MAC", "Addresses", "Peer", "Impairment"])
            table.AddColumn(new TableColumn(column).NoWrap());
        foreach (var (device, seen, peer) in Rows(session))
        {
            table.AddRow(
                Markup.Escape(device.Node.Length == 0 ? "(here)" : device.Node),
                Markup.Escape(device.Name),
                seen is null ? "missing" : StateOf(seen.Link),
                $"{seen?.Link.Mtu}",
                $"{seen?.Link.Address}",
                Markup.Escape(string.Join(' ', seen?.Addresses.Where(address => address.Scope == 0) ?? [])),
                Markup.Escape(peer),
                Markup.Escape(NetemText.Write(seen?.Egress)));
        }

        // Not wrapped to the width of a terminal when there is none.
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = 400;
        AnsiConsole.Write(table);
    }

    private static void WriteJson(LabSession session)
    {
        using var output = Console.OpenStandardOutput();
        using (var writer = new Utf8JsonWriter(output, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            writer.WriteString("lab", session.Topology.Lab);
            writer.WriteStartArray("interfaces");
            foreach (var (device, seen, peer) in Rows(session))
            {
                writer.WriteStartObject();
                writer.WriteString("node", device.Node);
                writer.WriteString("interface", device.Name);
                writer.WriteString("state", seen is null ? "missing" : StateOf(seen.Link));
                writer.WriteString("peer", peer);
                if (seen is not null)
                {
                    writer.WriteNumber("index", seen.Link.Index);
                    writer.WriteString("kind", seen.Link.Kind);
                    writer.WriteNumber("mtu", seen.Link.Mtu);
                    writer.WriteString("mac", $"{seen.Link.Address}");
                    writer.WriteStartArray("addresses");
                    foreach (var address in seen.Addresses)
                        writer.WriteStringValue($"{address}");
                    writer.WriteEndArray();
                    writer.WriteString("netem", NetemText.Write(seen.Egress));
                }

                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        output.WriteByte((byte)'\n');
    }

    private static IEnumerable<(Device Device, ObservedDevice? Seen, string Peer)> Rows(LabSession session)
    {
        foreach (var segment in session.Topology.Segments)
        {
            if (segment.Device is not null)
                yield return (segment.Device, Seen(segment.Device), "");
        }

        foreach (var link in session.Topology.Links)
        {
            var far = link.Segment ?? (link.Peer is { } peer ? $"{peer}" : link.Parent ?? "");
            yield return (link.End, Seen(link.End), far);
            if (link.Peer is { Node.Length: > 0 })
                yield return (link.Peer, Seen(link.Peer), $"{link.End}");
        }

        ObservedDevice? Seen(Device device) => session.Seen.Nodes.GetValueOrDefault(device.Node)?.Devices.GetValueOrDefault(device.Name);
    }

    private static string StateOf(Link link) => !link.IsUp ? "down" : link.State is OperationalState.Up or OperationalState.Unknown ? "up" : "no carrier";
}
