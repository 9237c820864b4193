using System.Text;
using Patchbay.Cni.Model;

namespace Patchbay.Plugins.Meta.Tuning;

/// <summary>One setting that a configuration asks for.</summary>
/// <param name="Key">The name as written, which the list of allowed names is matched with.</param>
/// <param name="Path">Where it is below /proc/sys/net.</param>
/// <param name="Value">The text to write.</param>
internal sealed record SysctlSetting(string Key, string Path, string Value)
{
    private const string Placeholder = "IFNAME";
    private const int MaxValueBytes = 4095; // fs/proc/proc_sysctl.c hands on a page at most; the kernel adds a zero

    /// <summary>False for a setting of one interface, which is in a container only once the interface is: net.ipv4.conf.eth0.forwarding.</summary>
    internal bool IsOfEveryNamespace =>
        !Path.Contains(Placeholder, StringComparison.Ordinal) && !Path.Contains("/conf/", StringComparison.Ordinal) && !Path.Contains("/neigh/", StringComparison.Ordinal);

    /// <summary>Checks a setting and finds its path.</summary>
    /// <param name="key"><c>net.ipv4.conf.IFNAME.arp_filter</c>, or the same with slashes.</param>
    /// <param name="value">The text to write.</param>
    /// <param name="ifName">What <c>IFNAME</c> stands for; empty when nobody knows.</param>
    /// <exception cref="CniException">Code 7: it is not a name below <c>net</c>, or the value is none.</exception>
    internal static SysctlSetting Parse(string key, string value, string ifName)
    {
        const string Root = "net/";
        var path = Normalize(key);
        if (!path.StartsWith(Root, StringComparison.Ordinal) || !HasOnlyPlainSteps(path))
            throw Wrong($"invalid net sysctl key: \"{key}\"");
        if (Encoding.UTF8.GetByteCount(value) > MaxValueBytes)
            throw Wrong($"value of sysctl \"{key}\" is longer than {MaxValueBytes} bytes");
        foreach (var c in value)
        {
            if (char.IsControl(c) && c != '\t')
                throw Wrong($"value of sysctl \"{key}\" has a line break or another control character");
        }

        // The first one only, as the reference. After the separators are sorted out: the interface's name may have dots.
        var at = path.IndexOf(Placeholder, StringComparison.Ordinal);
        if (at >= 0 && ifName.Length > 0)
            path = string.Concat(path.AsSpan(0, at), ifName, path.AsSpan(at + Placeholder.Length));
        return new SysctlSetting(key, path[Root.Length..], value);
    }

    // sysctl(8): the separator is what comes first; if that is the dot, a slash stands for a dot inside a name.
    private static string Normalize(string key)
    {
        var separator = key.AsSpan().IndexOfAny('.', '/');
        if (separator < 0 || key[separator] == '/')
            return key;
        return string.Create(key.Length, key, static (path, key) =>
        {
            for (var i = 0; i < path.Length; i++)
                path[i] = key[i] switch { '.' => '/', '/' => '.', var c => c };
        });
    }

    private static bool HasOnlyPlainSteps(string path)
    {
        foreach (var step in path.AsSpan().Split('/'))
        {
            if (path.AsSpan(step) is "" or "." or "..")
                return false;
        }

        foreach (var c in path)
        {
            if (char.IsControl(c) || char.IsWhiteSpace(c))
                return false;
        }

        return true;
    }

    private static CniException Wrong(string text) => new(CniError.InvalidNetworkConfig, text);
}
