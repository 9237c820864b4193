using Patchbay.Cni.Model;
using Patchbay.Cni.Runtime;

namespace Patchbay.Plugins.Tools.NetRun;

/// <summary>What the tools that attach a container to several networks are told: which, how long, where the cache is.</summary>
internal sealed class AttachmentOptions
{
    /// <summary>The part of the help that is about them.</summary>
    internal const string Usage = """
              --network NAME[:IFNAME]  join this network; may be given more than once
                                       (default: every configuration of the directory, in the order of file names, as eth0, eth1, …)
              --timeout SECONDS        limit for each plugin (default: none, and 60 for DEL)
              --cache-dir DIR          where results are kept (default: /var/lib/cni)

        environment:
          NETCONFPATH  directory of network configurations (default: /etc/cni/net.d)
          CNI_PATH     directories of plugins, separated by colons (default: the one that this program is in)
          CNI_ARGS     KEY=VALUE;KEY=VALUE for the plugins
          CAP_ARGS     capability arguments, a JSON object: {"portMappings": [{"hostPort": 8080, "containerPort": 80}]}
        """;

    private readonly List<(string Name, string? IfName)> _networks = [];

    /// <summary>The networks by name, with the interface where one is told; none for all that there are.</summary>
    internal IReadOnlyList<(string Name, string? IfName)> Networks => _networks;

    internal TimeSpan? Limit { get; private set; }

    internal string CacheDirectory { get; private set; } = ResultCache.DefaultDirectory;

    /// <summary>Takes the option at a place, and its value.</summary>
    /// <param name="arguments">All arguments.</param>
    /// <param name="at">The place; moves on to the value if that is the next one.</param>
    /// <param name="shortNames">Whether -t is known.</param>
    /// <returns>False when it is none of ours.</returns>
    /// <exception cref="CniException">Code 4: its value is missing or wrong.</exception>
    internal bool Read(ReadOnlySpan<string> arguments, ref int at, bool shortNames)
    {
        string argument = arguments[at];
        int equals = argument.StartsWith("--", StringComparison.Ordinal) ? argument.IndexOf('=', StringComparison.Ordinal) : -1;
        string flag = equals < 0 ? argument : argument[..equals];
        if (flag is not ("--network" or "--timeout" or "--cache-dir") && !(shortNames && flag == "-t"))
            return false;
        string value = equals >= 0 ? argument[(equals + 1)..] : ++at < arguments.Length ? arguments[at] : throw Bad($"{flag} needs a value");
        switch (flag)
        {
            case "--network":
                AddNetwork(value);
                break;
            case "--cache-dir":
                CacheDirectory = value.Length > 0 ? value : throw Bad($"{flag} needs a directory");
                break;
            default:
                Limit = TimeLimit.Parse(flag, value, Bad);
                break;
        }

        return true;
    }

    /// <summary>Adds a network as it is written on a command line: <c>NAME</c> or <c>NAME:IFNAME</c>.</summary>
    internal void AddNetwork(string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        string name = colon < 0 ? text : text[..colon];
        string? ifName = colon < 0 ? null : text[(colon + 1)..];
        Validation.NetworkName(name);
        if (ifName is not null)
            Validation.InterfaceName(ifName);
        _networks.Add((name, ifName));
    }

    internal static CniException Bad(string problem) => new(CniError.InvalidEnvironment, problem);
}
