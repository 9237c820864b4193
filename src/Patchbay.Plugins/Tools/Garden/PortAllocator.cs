using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Meta.Wrapper;

namespace Patchbay.Plugins.Tools.Garden;

/// <summary>Gives ports of the host to containers, the lowest free one first, and remembers whose they are: <c>{"acquired_ports": {"HANDLE": [60000, 60001]}}</c>.</summary>
/// <param name="file">The file, on which whoever changes it holds flock(2).</param>
/// <param name="start">The first port.</param>
/// <param name="total">How many there are.</param>
internal sealed class PortAllocator(string file, int start, int total)
{
    private const string Key = "acquired_ports";

    /// <summary>Makes mappings complete: a host port of 0 gets one of ours, a container port of 0 becomes the host's.</summary>
    /// <param name="handle">The container.</param>
    /// <param name="wanted">The mappings.</param>
    /// <param name="refuseOurs">Whether it is an error to ask for one of our ports by number.</param>
    /// <returns>The mappings, and which ports were taken for them.</returns>
    /// <exception cref="NetworkerException">All are taken, or the file is damaged; then nothing is.</exception>
    internal (IReadOnlyList<NetIn> Mappings, IReadOnlyList<ushort> Taken) Acquire(string handle, IReadOnlyList<NetIn> wanted, bool refuseOurs)
    {
        if (refuseOurs && wanted.Any(each => each.HostPort >= start && each.HostPort < start + total))
            throw new NetworkerException("cannot specify port from allocation range");
        if (!wanted.Any(each => each.HostPort == 0))
            return ([.. wanted.Select(Complete)], []);
        using var state = LockedFile.Open(file);
        var acquired = Parse(state.Read());
        var used = acquired.Values.SelectMany(ports => ports).Concat(wanted.Select(each => each.HostPort)).ToHashSet();
        var taken = new List<ushort>();
        var mappings = new List<NetIn>();
        foreach (var each in wanted)
        {
            var port = each.HostPort;
            if (port == 0)
            {
                port = Lowest(used);
                taken.Add(port);
            }

            mappings.Add(Complete(each with { HostPort = port }));
        }

        acquired[handle] = [.. acquired.GetValueOrDefault(handle) ?? [], .. taken];
        state.Write(Text(acquired));
        return (mappings, taken);
    }

    /// <summary>Frees ports of a container; none is no error.</summary>
    /// <param name="handle">The container.</param>
    /// <param name="ports">Which; null for all.</param>
    internal void Release(string handle, IReadOnlyCollection<ushort>? ports = null)
    {
        if (!File.Exists(file))
            return;
        using var state = LockedFile.Open(file);
        var acquired = Parse(state.Read());
        if (!acquired.TryGetValue(handle, out var own))
            return;
        own.RemoveAll(port => ports?.Contains(port) ?? true);
        if (own.Count == 0)
            acquired.Remove(handle);
        state.Write(Text(acquired));
    }

    private ushort Lowest(HashSet<ushort> used)
    {
        for (var port = start; port < start + total; port++)
        {
            if (used.Add((ushort)port))
                return (ushort)port;
        }

        throw new NetworkerException("port pool exhausted");
    }

    private static NetIn Complete(NetIn mapping) => mapping.ContainerPort == 0 ? mapping with { ContainerPort = mapping.HostPort } : mapping;

    private SortedDictionary<string, List<ushort>> Parse(byte[] text)
    {
        var acquired = new SortedDictionary<string, List<ushort>>(StringComparer.Ordinal);
        if (text.AsSpan().Trim(" \t\r\n"u8).IsEmpty)
            return acquired; // made, and never written to
        try
        {
            foreach (var (handle, ports) in JsonView.Parse(text, "state").Object(Key)?.Pairs() ?? [])
                acquired[handle] = ports.Element.ValueKind == JsonValueKind.Null ? [] : [.. ports.AsArray().Select(port => (ushort)port.AsInteger(0, ushort.MaxValue))];
            return acquired;
        }
        catch (Exception error) when (error is JsonException or CniException)
        {
            throw new NetworkerException($"decoding state file {file}: {error.Message}: it is damaged; remove it once no container of this host has ports", error);
        }
    }

    private static byte[] Text(SortedDictionary<string, List<ushort>> acquired) => WrittenJson.Of(writer =>
    {
        writer.WriteStartObject();
        writer.WriteStartObject(Key);
        foreach (var (handle, ports) in acquired)
        {
            writer.WriteStartArray(handle);
            foreach (var port in ports)
                writer.WriteNumberValue(port);
            writer.WriteEndArray();
        }

        writer.WriteEndObject();
        writer.WriteEndObject();
    });
}
