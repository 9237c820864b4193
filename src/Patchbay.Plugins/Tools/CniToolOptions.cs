using Patchbay.Cni.Model;
using Patchbay.Cni.Runtime;

namespace Patchbay.Plugins.Tools;

/// <summary>The command line of cnitool.</summary>
internal sealed class CniToolOptions
{
    internal const string Usage = """
        cnitool: run the plugins of a network for a network namespace

        usage: cnitool [flags] add      NETWORK NETNS    connect; prints the result
               cnitool [flags] check    NETWORK NETNS    is it connected as the result said?
               cnitool [flags] del      NETWORK NETNS    disconnect
               cnitool [flags] gc       NETWORK [NETNS]  delete every attachment of the network that the cache knows
               cnitool [flags] status   NETWORK [NETNS]  can the network take containers?
               cnitool [flags] list                      the networks, their plugins and attachments
               cnitool [flags] validate [DIRECTORY]      what is wrong with the configurations, by file, line and field

          -c, --container-id ID  container (default: made of the path of the namespace); del then needs no NETNS
          -i, --ifname NAME      interface in the namespace (default: $CNI_IFNAME, or eth0)
          -t, --timeout SECONDS  limit for each plugin (default: none)
              --cache-dir DIR    where results are kept (default: /var/lib/cni)
              --json             list and validate print JSON; an error is printed as CNI's error object
              --trace            show what each plugin is told, what it says, and how long it takes, on standard error

        environment:
          NETCONFPATH  directory of network configurations (default: /etc/cni/net.d)
          CNI_PATH     directories of plugins, separated by colons
          CNI_ARGS     KEY=VALUE;KEY=VALUE for the plugins
          CAP_ARGS     capability arguments, a JSON object: {"portMappings": [{"hostPort": 8080, "containerPort": 80}]}
        """;

    private readonly List<string> _words = [];

    /// <summary>What is no flag: the verb and its objects.</summary>
    internal IReadOnlyList<string> Words => _words;

    internal string? ContainerId { get; private set; }

    internal string? IfName { get; private set; }

    internal string CacheDirectory { get; private set; } = ResultCache.DefaultDirectory;

    internal TimeSpan? Limit { get; private set; }

    internal bool Json { get; private set; }

    internal bool Trace { get; private set; }

    internal bool Help { get; private set; }

    /// <summary>Reads a command line.</summary>
    /// <exception cref="CniException">Code 4: an unknown flag, or a value that is missing or makes no sense.</exception>
    internal void Read(ReadOnlySpan<string> arguments)
    {
        for (int i = 0; i < arguments.Length; i++)
        {
            string argument = arguments[i];
            int equals = argument.StartsWith("--", StringComparison.Ordinal) ? argument.IndexOf('=', StringComparison.Ordinal) : -1;
            string flag = equals < 0 ? argument : argument[..equals];
            if (flag is "-h" or "--help" || (flag == "help" && _words.Count == 0)) // a network may have that name
                Help = true;
            else if (flag == "--json")
                Json = true;
            else if (flag == "--trace")
                Trace = true;
            else if (!flag.StartsWith('-'))
                _words.Add(argument);
            else
                SetFlag(flag, equals >= 0 ? argument[(equals + 1)..] : ++i < arguments.Length ? arguments[i] : throw Bad($"{flag} needs a value"));
        }
    }

    private void SetFlag(string flag, string value)
    {
        switch (flag)
        {
            case "-c" or "--container-id":
                ContainerId = value;
                break;
            case "-i" or "--ifname":
                IfName = value;
                break;
            case "--cache-dir":
                CacheDirectory = value;
                break;
            case "-t" or "--timeout":
                Limit = TimeLimit.Parse(flag, value, Bad);
                break;
            default:
                throw Bad($"unknown flag {flag}; cnitool --help lists them");
        }
    }

    private static CniException Bad(string problem) => new(CniError.InvalidEnvironment, $"cnitool: {problem}");
}
