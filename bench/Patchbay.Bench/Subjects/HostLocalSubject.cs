using System.Globalization;
using System.Text;

namespace Patchbay.Bench.Subjects;

/// <summary>host-local alone, in a directory that already holds reservations.</summary>
internal sealed class HostLocalSubject(string program, NetworkNamespace host, string plugin, string dataDirectory, bool foreignWrites, IReadOnlyList<string> operations)
    : CniSubject(program, "", host, plugin, Configuration(dataDirectory), operations)
{
    private int _foreign;

    /// <summary>
    /// Before each measured call another program's reservation appears, at the end of the subnet: an index kept beside the files is out of date.
    /// </summary>
    internal override void Before(string operation, Attachment attachment)
    {
        if (!foreignWrites)
            return;
        _foreign++;
        File.WriteAllText(
            Path.Combine(dataDirectory, "bench", string.Create(CultureInfo.InvariantCulture, $"10.255.{_foreign >> 8}.{_foreign & 0xff}")),
            $"foreign-{_foreign}\r\neth0");
    }

    /// <summary>Writes what host-local would have written for so many containers (containernetworking/plugins, host-local's disk store).</summary>
    internal static void Fill(string dataDirectory, int reservations)
    {
        var directory = Path.Combine(dataDirectory, "bench");
        System.IO.Directory.CreateDirectory(directory);
        var last = "";
        for (var i = 0; i < reservations; i++)
        {
            last = string.Create(CultureInfo.InvariantCulture, $"10.{(i + 2) >> 16}.{((i + 2) >> 8) & 0xff}.{(i + 2) & 0xff}");
            File.WriteAllBytes(Path.Combine(directory, last), Encoding.ASCII.GetBytes($"filler-{i:d6}\r\neth0"));
        }
        if (reservations > 0)
            File.WriteAllText(Path.Combine(directory, "last_reserved_ip.0"), last);
    }

    private static string Configuration(string dataDirectory) => $$"""
        {"cniVersion":"1.0.0","name":"bench","type":"host-local","ipam":{"type":"host-local","ranges":[[{"subnet":"10.0.0.0/8"}]],"dataDir":"{{dataDirectory}}"} }
        """;
}
