using System.Globalization;
using System.Text;
using System.Text.Json;
using Patchbay.Policy.Agent.Containers;
using Patchbay.Policy.Agent.Plan;

namespace Patchbay.Policy.Agent.Report;

/// <summary>Lists what is enforced here, as text or as JSON.</summary>
internal static class EnforcedReport
{
    /// <param name="state">What is enforced.</param>
    /// <param name="containers">What the datastore says, for names; empty when it cannot be read.</param>
    internal static string Text(EnforcedState state, IReadOnlyList<LocalContainer> containers)
    {
        var text = new StringBuilder();
        if (!state.HasRules)
            text.Append("table ip cf_networking is not there or not complete: no policy is enforced on this host\n");
        foreach (string each in state.Closing)
            text.Append(CultureInfo.InvariantCulture, $"chain {each}, somebody else's, drops what it does not accept (policy drop): it must accept what policies allow\n");
        if (state.IsUnrestricted)
            text.Append("everything within overlay_network may talk (disable_container_network_policy)\n");
        text.Append(CultureInfo.InvariantCulture, $"{state.Containers.Count} containers\n");
        Table(text, [.. state.Containers.Select(each => (string[])[each.Address.ToString(), each.Handle, AppOf(each, containers), TagOf(state, each.Address), GroupsOf(state, each.Address)])], ["address", "handle", "app", "tag", "security groups"]);
        text.Append(CultureInfo.InvariantCulture, $"{state.Allowed.Count} permissions\n");
        Table(text, [.. state.Allowed.Select(each => (string[])[$"0x{EnforcedState.Format(each.Ports.Tag)}", each.Apps.Source, each.Ports.Address.ToString(), each.Apps.Destination, AppPolicy.Word(each.Ports.Protocol), PortsOf(each.Ports)])], ["tag", "source", "address", "destination", "protocol", "ports"]);
        return text.ToString();
    }

    internal static byte[] Json(EnforcedState state, IReadOnlyList<LocalContainer> containers)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            writer.WriteBoolean("enforced", state.HasRules);
            writer.WriteBoolean("unrestricted", state.IsUnrestricted);
            writer.WriteStartArray("closing_chains");
            foreach (string each in state.Closing)
                writer.WriteStringValue(each);
            writer.WriteEndArray();
            writer.WriteStartArray("containers");
            foreach (LocalContainer each in state.Containers)
            {
                writer.WriteStartObject();
                writer.WriteString("address", each.Address.ToString());
                writer.WriteString("handle", each.Handle);
                writer.WriteString("app", AppOf(each, containers));
                writer.WriteString("tag", TagOf(state, each.Address));
                writer.WriteString("security_groups", state.Groups.GetValueOrDefault(each.Address));
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteStartArray("permissions");
            foreach ((AllowedPorts ports, AppPair apps) in state.Allowed)
            {
                writer.WriteStartObject();
                writer.WriteString("tag", EnforcedState.Format(ports.Tag));
                writer.WriteString("source", apps.Source);
                writer.WriteString("address", ports.Address.ToString());
                writer.WriteString("destination", apps.Destination);
                writer.WriteString("protocol", AppPolicy.Word(ports.Protocol));
                writer.WriteNumber("first_port", ports.First);
                writer.WriteNumber("last_port", ports.Last);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteEndObject();
        }

        return buffer.ToArray();
    }

    private static string AppOf(LocalContainer container, IReadOnlyList<LocalContainer> containers) =>
        containers.FirstOrDefault(each => each.Handle == container.Handle && each.Address == container.Address)?.App ?? "";

    private static string TagOf(EnforcedState state, Ipv4 address) => state.SourceTags.TryGetValue(address, out uint tag) ? $"0x{EnforcedState.Format(tag)}" : "";

    private static string GroupsOf(EnforcedState state, Ipv4 address) =>
        state.Groups.TryGetValue(address, out string? chain) ? string.Create(CultureInfo.InvariantCulture, $"{chain}{(state.RuleCounts.TryGetValue(chain, out int rules) ? $", {rules} rules" : "")}") : "";

    private static string PortsOf(AllowedPorts ports) => string.Create(CultureInfo.InvariantCulture, $"{ports.First}{(ports.First == ports.Last ? "" : $"-{ports.Last}")}");

    private static void Table(StringBuilder text, List<string[]> rows, string[] heads)
    {
        if (rows.Count == 0)
            return;
        int[] widths = [.. heads.Select((head, column) => Math.Max(head.Length, rows.Max(row => row[column].Length)))];
        foreach (string[] row in rows.Prepend(heads))
            text.Append(string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column])).Prepend("")).TrimEnd()).Append('\n');
    }
}
