using System.Globalization;
using System.Text;
using System.Text.Json;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Cni.Runtime;
using Patchbay.Plugins.Naming;

namespace Patchbay.Plugins.Tools;

/// <summary>Runs the chain of a network by hand: <c>cnitool add mynet /run/netns/test</c>.</summary>
internal sealed class CniTool
{
    private const string Usage = """
        cnitool: run the plugins of a network for a network namespace

        usage: cnitool [flags] add    NETWORK NETNS    connect; prints the result
               cnitool [flags] check  NETWORK NETNS    is it connected as the result said?
               cnitool [flags] del    NETWORK NETNS    disconnect
               cnitool [flags] gc     NETWORK [NETNS]  delete every attachment of the network that the cache knows
               cnitool [flags] status NETWORK [NETNS]  can the network take containers?

          -i, --ifname NAME      interface in the namespace (default: $CNI_IFNAME, or eth0)
          -t, --timeout SECONDS  limit for each plugin (default: none)
              --cache-dir DIR    where results are kept (default: /var/lib/cni)

        environment:
          NETCONFPATH  directory of network configurations (default: /etc/cni/net.d)
          CNI_PATH     directories of plugins, separated by colons
          CNI_ARGS     KEY=VALUE;KEY=VALUE for the plugins
          CAP_ARGS     capability arguments, a JSON object: {"portMappings": [{"hostPort": 8080, "containerPort": 80}]}
        """;

    private readonly PluginEnvironment _environment;
    private readonly List<string> _words = [];
    private string? _ifName;
    private string _cacheDirectory = ResultCache.DefaultDirectory;
    private TimeSpan? _limit;
    private bool _help;

    private CniTool(PluginEnvironment environment) => _environment = environment;

    /// <summary>Runs the tool.</summary>
    /// <param name="arguments">The command line after the tool's name.</param>
    /// <param name="environment">Variables and streams.</param>
    /// <returns>The exit status.</returns>
    internal static int Run(ReadOnlySpan<string> arguments, PluginEnvironment environment)
    {
        CniTool tool = new(environment);
        try
        {
            return tool.Run(arguments);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            PluginHost.Note(environment, CniException.From(error).Text);
            return 1;
        }
    }

    private int Run(ReadOnlySpan<string> arguments)
    {
        ReadFlags(arguments);
        bool whole = _words is ["add" or "check" or "del", _, _] or ["gc" or "status", _] or ["gc" or "status", _, _];
        if (_help || !whole)
        {
            PluginHost.Note(_environment, Usage);
            return _help ? 0 : 1;
        }

        NetworkList list = NetworkDirectory.Load(Variable("NETCONFPATH") ?? "/etc/cni/net.d", _words[1]);
        CniRuntime runtime = new()
        {
            PluginPath = (Variable("CNI_PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries),
            Cache = new ResultCache(_cacheDirectory),
            Variables = _environment.Variables,
            Error = _environment.Error,
            Limit = _limit,
        };
        switch (_words[0])
        {
            case "add":
                Print(runtime.Add(list, Attachment()), list.Version);
                break;
            case "check":
                runtime.Check(list, Attachment());
                break;
            case "del":
                runtime.Delete(list, Attachment());
                break;
            case "gc":
                runtime.GarbageCollect(list, valid: null);
                break;
            default:
                runtime.Status(list);
                break;
        }

        return 0;
    }

    private Attachment Attachment()
    {
        string netns = Path.GetFullPath(_words[2]);
        return new Attachment
        {
            ContainerId = ContainerId(netns),
            NetnsPath = netns,
            IfName = _ifName ?? Variable("CNI_IFNAME") ?? "eth0",
            Args = Args(Variable("CNI_ARGS")),
            CapabilityArgs = CapabilityArgs(Variable("CAP_ARGS")),
        };
    }

    /// <summary>A namespace has no container id, so its path makes one: the same path is the same container.</summary>
    internal static string ContainerId(string netns) =>
        $"cnitool-{Convert.ToHexStringLower(Sha512.Hash(Encoding.UTF8.GetBytes(netns)).AsSpan(0, 10))}";

    private static List<KeyValuePair<string, string>> Args(string? text)
    {
        List<KeyValuePair<string, string>> args = [];
        foreach (string pair in text?.Split(';') ?? [])
        {
            string[] parts = pair.Split('=');
            if (parts is not [{ Length: > 0 }, { Length: > 0 }])
                throw new CniException(CniError.InvalidEnvironment, $"invalid CNI_ARGS pair \"{pair}\": want KEY=VALUE;KEY=VALUE");
            args.Add(new(parts[0], parts[1]));
        }

        return args;
    }

    private static Dictionary<string, JsonElement> CapabilityArgs(string? text)
    {
        Dictionary<string, JsonElement> args = new(StringComparer.Ordinal);
        if (text is null)
            return args;
        try
        {
            foreach ((string name, JsonView value) in JsonView.Parse(Encoding.UTF8.GetBytes(text), "value").Pairs())
                args[name] = value.Element;
            return args;
        }
        catch (Exception error) when (error is JsonException or CniException)
        {
            throw new CniException(CniError.InvalidEnvironment, $"invalid CAP_ARGS: {error.Message}", inner: error);
        }
    }

    private void ReadFlags(ReadOnlySpan<string> arguments)
    {
        for (int i = 0; i < arguments.Length; i++)
        {
            string argument = arguments[i];
            int equals = argument.StartsWith("--", StringComparison.Ordinal) ? argument.IndexOf('=', StringComparison.Ordinal) : -1;
            string flag = equals < 0 ? argument : argument[..equals];
            if (flag is "-h" or "--help" || (flag == "help" && _words.Count == 0)) // a network may have that name
                _help = true;
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
            case "-i" or "--ifname":
                _ifName = value;
                break;
            case "--cache-dir":
                _cacheDirectory = value;
                break;
            case "-t" or "--timeout":
                bool number = double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double seconds);
                _limit = number && seconds is > 0 and <= 86400 ? TimeSpan.FromSeconds(seconds) : throw Bad($"{flag} must be a number of seconds above 0, not \"{value}\"");
                break;
            default:
                throw Bad($"unknown flag {flag}; cnitool --help lists them");
        }
    }

    private void Print(CniResult result, SpecVersion version)
    {
        _environment.Output.Write(result.ToJson(version).Span);
        _environment.Output.Write("\n"u8);
    }

    private string? Variable(string name) => _environment.Variable(name) is { Length: > 0 } value ? value : null;

    private static CniException Bad(string problem) => new(CniError.InvalidEnvironment, $"cnitool: {problem}");
}
