using System.Text;
using Patchbay.Cni.Model;
using Slot = Patchbay.Plugins.Ipam.HostLocal.ReservationIndex.Slot;

namespace Patchbay.Plugins.Ipam.HostLocal;

/// <summary>GC: frees what no valid attachment holds.</summary>
internal static class ReservationCollector
{
    /// <summary>Everything that can be freed is; failures are told together at the end.</summary>
    internal static void Collect(ReservationStore store, IReadOnlyList<CniAttachment> valid, Action<string> note)
    {
        // Reservations that name the container alone are anyone's of that container.
        var keep = new HashSet<string>(StringComparer.Ordinal);
        foreach (var attachment in valid)
        {
            keep.Add($"{attachment.ContainerId}\r\n{attachment.IfName}");
            keep.Add(attachment.ContainerId);
        }

        var kept = new List<Slot>();
        var dead = new List<Slot>();
        store.Visit(
            (address, content) =>
            {
                var slot = new Slot(Owner.HashOf(content), address);
                var text = Encoding.UTF8.GetString(content);
                if (text.Length > 0 && !IsOwner(text))
                    note($"host-local: {store.Path}/{address} names no attachment; left alone");
                else if (text.Length == 0 || !keep.Contains(text))
                {
                    dead.Add(slot);
                    return;
                }
                kept.Add(slot);
            },
            name => note($"host-local: {store.Path}/{name} is not a reservation; left alone"));

        store.Replace([.. kept, .. dead]);
        var failures = new List<Exception>();
        foreach (var slot in dead)
        {
            try
            {
                store.Release(slot.Address, slot.Hash);
            }
            catch (IOException e)
            {
                failures.Add(e);
            }
        }
        if (failures.Count > 0)
            throw new IOException(string.Join("; ", failures.Select(failure => failure.Message)), new AggregateException(failures));
    }

    /// <summary>Removes indexes of networks that have no directory any more, and what a crash left of one being written.</summary>
    internal static void RemoveDeadIndexes(string dataDirectory)
    {
        if (!Directory.Exists(dataDirectory))
            return;
        foreach (var path in Directory.EnumerateFiles(dataDirectory, ".*.index*"))
        {
            var name = Path.GetFileName(path.AsSpan());
            bool temporary = name.EndsWith(".index.tmp", StringComparison.Ordinal);
            if (!temporary && !name.EndsWith(".index", StringComparison.Ordinal))
                continue;
            var network = name[1..^(temporary ? ".index.tmp".Length : ".index".Length)];
            if (!Directory.Exists(Path.Join(dataDirectory, network)))
                File.Delete(path); // only a cache: nobody misses it
        }
    }

    /// <summary>Whether the text can be what a plugin wrote: a container ID, alone or with an interface name.</summary>
    private static bool IsOwner(string text)
    {
        int end = text.IndexOf("\r\n", StringComparison.Ordinal);
        try
        {
            Validation.ContainerId(end < 0 ? text : text[..end]);
            if (end >= 0)
                Validation.InterfaceName(text[(end + 2)..]);
            return true;
        }
        catch (CniException)
        {
            return false;
        }
    }
}
