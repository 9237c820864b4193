using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;

namespace Patchbay.Plugins.Main.Masquerading;

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

    /// <summary>Applies a transaction to the table nat: all of it, or nothing.</summary>
    /// <param name="commands">Lines of iptables-save(8) between the name of the table and COMMIT.</param>
    /// <exception cref="CniException">It failed, or there is no such program.</exception>
    internal void Restore(string commands) => Run("restore", ["--noflush", "-w"], $"*nat\n{commands}COMMIT\n");

    /// <summary>The rules of the table nat, as lines of iptables-save(8).</summary>
    /// <exception cref="CniException">It failed, or there is no such program.</exception>
    internal string[] Save() => Encoding.UTF8.GetString(Run("save", ["-t", "nat"], "").Output.Span).Split('\n');

    private ChildResult Run(string action, string[] arguments, string input)
    {
        var program = Find($"{Family}-{flavour}{action}") ?? Find($"{Family}-{action}")
            ?? throw new CniException(CniError.Internal, $"{Family}-{action} is not installed: install iptables, or set \"ipMasqBackend\" to \"nftables\"");
        var result = ChildProcess.Run(program, arguments, Encoding.UTF8.GetBytes(input));
        if (result.Succeeded)
            return result;
        var text = Encoding.UTF8.GetString(result.Error.Span).Trim();
        throw new CniException(CniError.Internal, $"{program} failed: {(text.Length > 0 ? text : result.Exit)}", input.Trim());
    }
}
