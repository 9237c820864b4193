using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Meta.Flannel;

namespace Patchbay.Plugins.Meta.Wrapper;

/// <summary>The file in which the policy agent reads which container has which address, and whose it is.</summary>
/// <remarks>
/// <c>{"HANDLE": {"handle": "HANDLE", "ip": "10.255.30.4", "metadata": {…}}}</c>, as the reference writes it. Writers hold a lock on <c>FILE_lock</c>; readers need none.
/// <c>FILE_version</c> has a number that moves with each change.
/// </remarks>
internal sealed class Datastore(string path, FileOwner? owner)
{
    /// <summary>Writes a container down.</summary>
    /// <returns>What was written of the same handle before; null for nothing.</returns>
    internal byte[]? Add(string handle, IPAddress address, JsonView? metadata) => Put(handle, Entry(handle, address, metadata));

    /// <summary>Puts back what <see cref="Add"/> returned, or removes the entry.</summary>
    internal void PutBack(string handle, byte[]? former)
    {
        if (former is null)
            Delete(handle);
        else
            Put(handle, former);
    }

    /// <summary>Removes a container; a file that is not there needs no change.</summary>
    internal void Delete(string handle)
    {
        if (File.Exists(path))
            Change(entries => entries.Remove(handle));
    }

    /// <summary>The address of a container; null when it is not written down.</summary>
    internal IPAddress? AddressOf(string handle)
    {
        if (!Read().TryGetValue(handle, out var entry))
            return null;
        return JsonView.Parse(entry, "entry").Address("ip");
    }

    /// <summary>Every container that is written down.</summary>
    internal IReadOnlyCollection<string> Handles => Read().Keys;

    /// <summary>Whether it can be read, and written to.</summary>
    /// <exception cref="CniException">It cannot.</exception>
    internal void RequireUsable()
    {
        StateDirectory.RequireWritable(Path.GetDirectoryName(path)!, $"containers cannot be written down in \"{path}\" (datastore)");
        Read();
    }

    private byte[]? Put(string handle, byte[] entry)
    {
        byte[]? former = null;
        Change(entries =>
        {
            entries.TryGetValue(handle, out former);
            entries[handle] = entry;
            return true;
        });
        return former;
    }

    private void Change(Func<SortedDictionary<string, byte[]>, bool> change)
    {
        var directory = Path.GetDirectoryName(path)!;
        var isNew = !Directory.Exists(directory);
        using var @lock = LockedFile.Open($"{path}_lock");
        owner?.Take(@lock.Path);
        if (isNew)
            owner?.Take(directory); // or the agent could not enter
        var version = $"{path}_version";
        LockedFile.CleanUp(path);
        LockedFile.CleanUp(version);
        var entries = Read();
        if (!change(entries))
            return;
        _ = ulong.TryParse(File.Exists(version) ? File.ReadAllText(version).Trim() : "", NumberStyles.None, CultureInfo.InvariantCulture, out var number);
        // Both or neither, on a full disk too; and the number last: who sees the new one finds the new text.
        var showNumber = LockedFile.Prepare(version, Encoding.ASCII.GetBytes((number + 1).ToString(CultureInfo.InvariantCulture)), owner);
        try
        {
            LockedFile.Replace(path, Write(entries), owner);
        }
        catch
        {
            LockedFile.CleanUp(version);
            throw;
        }

        showNumber();
    }

    private SortedDictionary<string, byte[]> Read() => File.Exists(path) ? Parse(File.ReadAllBytes(path)) : [];

    private SortedDictionary<string, byte[]> Parse(byte[] text)
    {
        var entries = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        if (text.AsSpan().Trim(" \t\r\n"u8).IsEmpty)
            return entries; // made, and never written to
        try
        {
            foreach (var (handle, entry) in JsonView.Parse(text, "datastore").Pairs())
                entries[handle] = Encoding.UTF8.GetBytes(entry.Element.GetRawText());
            return entries;
        }
        catch (Exception error) when (error is JsonException or CniException)
        {
            throw new CniException(
                CniError.IoFailure,
                $"decoding file {path}: {error.Message}: it is damaged; correct it, or move it away and restart the containers that are in it, for without their entries no policy is for them",
                inner: error);
        }
    }

    private static byte[] Entry(string handle, IPAddress address, JsonView? metadata) => WrittenJson.Of(writer =>
    {
        writer.WriteStartObject();
        writer.WriteString("handle"u8, handle);
        writer.WriteString("ip"u8, IpText.Format(address));
        writer.WritePropertyName("metadata"u8);
        writer.WriteRawValue(metadata?.Element.GetRawText() ?? "{}", skipInputValidation: true);
        writer.WriteEndObject();
    });

    private static byte[] Write(SortedDictionary<string, byte[]> entries) => WrittenJson.Of(writer =>
    {
        writer.WriteStartObject();
        foreach (var (handle, entry) in entries)
        {
            writer.WritePropertyName(handle);
            writer.WriteRawValue(entry, skipInputValidation: true);
        }

        writer.WriteEndObject();
    });
}
