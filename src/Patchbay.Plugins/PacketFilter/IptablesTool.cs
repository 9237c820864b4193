using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.PacketFilter;

/// <summary>Runs iptables-save(8) and iptables-restore(8) of one family, in the namespace of the calling thread.</summary>
/// <param name="ipv4">True for iptables, false for ip6tables.</param>
/// <param name="flavour"><c>legacy-</c> for the tables of the old kernel interface, nothing for what the host has set as its default.</param>
internal sealed class IptablesTool(bool ipv4, string flavour = "")
{
    private static readonly string[] SystemDirectories = ["/usr/sbin", "/sbin"];

    private string Family => ipv4 ? "iptables" : "ip6tables";

    /// <summary>Finds a program in PATH, and in the directories that a service's PATH may lack.</summary>
    /// <returns>Its path, or null.</returns>
    internal static string? Find(string program)
    {
        foreach (var directory in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'))
        {
            if (directory.StartsWith('/') && File.Exists($"{directory}/{program}"))
                return $"{directory}/{program}";
        }

        foreach (var directory in SystemDirectories)
        {
            if (File.Exists($"{directory}/{program}"))
                return $"{directory}/{program}";
        }

        return null;
    }

    /// <summary>Applies a transaction to a table: all of it, or nothing.</summary>
    /// <param name="table">The table, such as nat.</param>
    /// <param name="commands">Lines of iptables-save(8) between the name of the table and COMMIT.</param>
    /// <exception cref="CniException">It failed, or there is no such program.</exception>
    internal void Restore(string table, string commands) => RestoreTables($"*{table}\n{commands}COMMIT\n");

    /// <summary>Applies transactions to several tables, each whole or not at all.</summary>
    /// <param name="input">The whole input: <c>*TABLE</c>, lines of iptables-save(8), <c>COMMIT</c>, for each table.</param>
    /// <exception cref="CniException">One failed, or there is no such program.</exception>
    internal void RestoreTables(string input) => Run("restore", ["--noflush", "-w"], input);

    /// <summary>All tables, as lines of iptables-save(8).</summary>
    /// <exception cref="CniException">It failed, or there is no such program.</exception>
    internal string[] SaveTables() => Encoding.UTF8.GetString(Run("save", [], "").Output.Span).Split('\n');

    /// <summary>The rules of a table, as lines of iptables-save(8).</summary>
    /// <param name="table">The table, such as nat.</param>
    /// <exception cref="CniException">It failed, or there is no such program.</exception>
    internal string[] Save(string table) => Encoding.UTF8.GetString(Run("save", ["-t", table], "").Output.Span).Split('\n');

    private ChildResult Run(string action, string[] arguments, string input)
    {
        var program = Find($"{Family}-{flavour}{action}") ?? Find($"{Family}-{action}")
            ?? throw new CniException(CniError.Internal, $"{Family}-{action} is not installed: install iptables, or set the backend to \"nftables\"");
        var result = ChildProcess.Run(program, arguments, Encoding.UTF8.GetBytes(input));
        if (result.Succeeded)
            return result;
        var text = Encoding.UTF8.GetString(result.Error.Span).Trim();
        throw new CniException(CniError.Internal, $"{program} failed: {(text.Length > 0 ? text : result.Exit)}", input.Trim());
    }
}
