using System.CommandLine;
using System.Globalization;
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
        LabCommand.SetWork(command, async (parsed, cancellation) =>
        {
            using var session = await NodeArguments.OpenAsync(arguments.Choose(parsed), cancellation).ConfigureAwait(false);
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
        foreach (var column in (ReadOnlySpan<string>)["Node", "Interface", "State", "MTU", "MAC", "Addresses", "Peer", "Impairment", "Received", "Sent"])
            table.AddColumn(new TableColumn(column).NoWrap());
        var counters = Counters(session);
        foreach (var (device, seen, peer) in Rows(session))
        {
            var counted = counters.GetValueOrDefault((device.Node, device.Name));
            table.AddRow(
                Markup.Escape(device.Node.Length == 0 ? "(here)" : device.Node),
                Markup.Escape(device.Name),
                seen is null ? "missing" : StateOf(seen.Link),
                $"{seen?.Link.Mtu}",
                $"{seen?.Link.Address}",
                Markup.Escape(string.Join(' ', seen?.Addresses.Where(address => address.Scope == 0) ?? [])),
                Markup.Escape(peer),
                Markup.Escape(NetemText.Write(seen?.Egress)),
                counted is { } received ? Bytes(received.ReceivedBytes) : "",
                counted is { } sent ? Bytes(sent.SentBytes) : "");
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
            var counters = Counters(session);
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
                    if (counters.GetValueOrDefault((device.Node, device.Name)) is { } counted)
                        WriteCounters(writer, counted);
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

    private static void WriteCounters(Utf8JsonWriter writer, LinkStatistics counted)
    {
        writer.WriteStartObject("counters");
        writer.WriteNumber("rx_packets", counted.ReceivedPackets);
        writer.WriteNumber("rx_bytes", counted.ReceivedBytes);
        writer.WriteNumber("rx_dropped", counted.ReceiveDropped);
        writer.WriteNumber("tx_packets", counted.SentPackets);
        writer.WriteNumber("tx_bytes", counted.SentBytes);
        writer.WriteNumber("tx_dropped", counted.SendDropped);
        writer.WriteEndObject();
    }

    private static Dictionary<(string Node, string Device), LinkStatistics?> Counters(LabSession session)
    {
        var counters = new Dictionary<(string, string), LinkStatistics?>();
        foreach (var place in session.Places.All)
        {
            foreach (var link in place.Route.ListLinks(statistics: true))
                counters[(place.Node, link.Name)] = link.Statistics;
        }

        return counters;
    }

    private static string Bytes(ulong count) => count switch
    {
        >= 1UL << 30 => string.Create(CultureInfo.InvariantCulture, $"{count / (double)(1UL << 30):0.0} GiB"),
        >= 1UL << 20 => string.Create(CultureInfo.InvariantCulture, $"{count / (double)(1UL << 20):0.0} MiB"),
        >= 1UL << 10 => string.Create(CultureInfo.InvariantCulture, $"{count / (double)(1UL << 10):0.0} KiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{count} B"),
    };

    private static string StateOf(Link link) => !link.IsUp ? "down" : link.State is OperationalState.Up or OperationalState.Unknown ? "up" : "no carrier";
}
