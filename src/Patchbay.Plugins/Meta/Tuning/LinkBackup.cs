using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Netlink.Rtnetlink;

namespace Patchbay.Plugins.Meta.Tuning;

/// <summary>The attributes that an interface had before, as a file of the reference keeps them: <c>DATADIR/CONTAINER_IFNAME.json</c>.</summary>
/// <remarks>
/// Beside the reference's keys ours has <c>network</c>, which the reference does not read: the file's name does not tell whose it is, and GC must leave
/// those of other networks alone.
/// </remarks>
internal sealed record LinkBackup
{
    internal const string Extension = ".json";

    internal MacAddress? Mac { get; init; }

    internal bool? Promisc { get; init; }

    internal int? Mtu { get; init; }

    internal bool? AllMulti { get; init; }

    internal int? TxQLen { get; init; }

    /// <summary>The network; null in a file of the reference.</summary>
    internal string? Network { get; init; }

    /// <summary>The file of an attachment.</summary>
    internal static string PathOf(string directory, string containerId, string ifName) => Path.Combine(directory, $"{containerId}_{ifName}{Extension}");

    /// <summary>What a link has now of that which a configuration changes.</summary>
    internal static LinkBackup Of(Link link, TuningConfig config, string network) => new()
    {
        Mac = config.Mac is null ? null : link.Address,
        Promisc = config.Promisc ? link.Flags.HasFlag(LinkFlags.Promiscuous) : null,
        Mtu = config.Mtu is null ? null : link.Mtu,
        AllMulti = config.AllMulti is null ? null : link.Flags.HasFlag(LinkFlags.AllMulticast),
        TxQLen = config.TxQLen is null ? null : link.TransmitQueueLength,
        Network = network,
    };

    /// <summary>
    /// With what an earlier ADD of this attachment kept: another tuning in the same chain, or a repeated one. The older values are those of before. A file that
    /// the reference wrote is left over, from when the link or its namespace was gone before its DEL.
    /// </summary>
    internal LinkBackup After(LinkBackup? older) => older is null || older.Network != Network ? this : this with
    {
        Mac = older.Mac ?? Mac,
        Promisc = older.Promisc ?? Promisc,
        Mtu = older.Mtu ?? Mtu,
        AllMulti = older.AllMulti ?? AllMulti,
        TxQLen = older.TxQLen ?? TxQLen,
    };

    /// <summary>Each attribute as a request of its own, so that one that the kernel refuses does not keep the others from their old values.</summary>
    internal IEnumerable<LinkSettings> Settings()
    {
        if (Mac is not null)
            yield return new LinkSettings { Address = Mac };
        if (Promisc is not null)
            yield return new LinkSettings { Promiscuous = Promisc };
        if (Mtu is not null)
            yield return new LinkSettings { Mtu = Mtu };
        if (AllMulti is not null)
            yield return new LinkSettings { AllMulticast = AllMulti };
        if (TxQLen is not null)
            yield return new LinkSettings { TransmitQueueLength = TxQLen };
    }

    /// <summary>Reads a file.</summary>
    /// <returns>Its content; null when there is none.</returns>
    /// <exception cref="IOException">It cannot be read, or is not what a backup looks like; the text names it.</exception>
    internal static LinkBackup? Read(string path)
    {
        try
        {
            if (!File.Exists(path))
                return null;
            var root = JsonView.Parse(File.ReadAllBytes(path), "backup");
            return new LinkBackup
            {
                Mac = root.String("mac") is { } mac && MacAddress.TryParse(mac, out var address) ? address : null,
                Promisc = root.Boolean("promisc"),
                Mtu = root.Integer("mtu", 0, int.MaxValue) is > 0 and var mtu ? (int)mtu : null,
                AllMulti = root.Boolean("allmulti"),
                TxQLen = (int?)root.Integer("txQLen", 0, int.MaxValue),
                Network = root.String("network"),
            };
        }
        catch (Exception error) when (error is JsonException or CniException or UnauthorizedAccessException)
        {
            throw new IOException($"cannot read {path}: {error.Message}", error);
        }
    }

    /// <summary>Writes the file whole or not at all.</summary>
    internal void Write(string path)
    {
        const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        var directory = Path.GetDirectoryName(path)!;
        // Not 0600 as the reference's, in which only root with CAP_DAC_OVERRIDE finds anything.
        Directory.CreateDirectory(directory, Owner | UnixFileMode.UserExecute);
        // No container's id begins with a dot.
        var temporary = Path.Combine(directory, string.Create(CultureInfo.InvariantCulture, $".{Path.GetFileName(path)}.{Environment.ProcessId}"));
        try
        {
            using (var file = new FileStream(temporary, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = Owner }))
                file.Write(ToJson().WrittenSpan);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            File.Delete(temporary);
            throw;
        }
    }

    private ArrayBufferWriter<byte> ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JsonEscaping.Instance });
        writer.WriteStartObject();
        if (Mac is { } mac)
            writer.WriteString("mac"u8, mac.ToString());
        if (Promisc is { } promisc)
            writer.WriteBoolean("promisc"u8, promisc);
        if (Mtu is { } mtu)
            writer.WriteNumber("mtu"u8, mtu);
        if (AllMulti is { } allMulti)
            writer.WriteBoolean("allmulti"u8, allMulti);
        if (TxQLen is { } txQLen)
            writer.WriteNumber("txQLen"u8, txQLen);
        if (Network is not null)
            writer.WriteString("network"u8, Network);
        writer.WriteEndObject();
        return buffer;
    }
}
