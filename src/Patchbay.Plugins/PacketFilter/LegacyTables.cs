namespace Patchbay.Plugins.PacketFilter;

/// <summary>The tables of the kernel's old interface, which iptables-legacy(8) fills.</summary>
internal static class LegacyTables
{
    /// <summary>Tells whether an old table of one family is in use.</summary>
    /// <param name="ipv4">True for iptables, false for ip6tables.</param>
    /// <param name="table">The table, such as nat.</param>
    /// <remarks>The file names tables that were used; reading it makes none. Without the old interface it is missing.</remarks>
    internal static bool IsUsed(bool ipv4, string table)
    {
        var path = $"/proc/thread-self/net/{(ipv4 ? "ip" : "ip6")}_tables_names";
        return File.Exists(path) && File.ReadAllText(path).Split('\n').Contains(table);
    }
}
