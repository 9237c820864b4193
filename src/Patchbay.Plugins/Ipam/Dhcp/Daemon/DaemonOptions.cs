using Patchbay.Plugins.Ipam.Dhcp.Leases;

namespace Patchbay.Plugins.Ipam.Dhcp.Daemon;

/// <summary>The command line of <c>dhcp daemon</c>.</summary>
internal sealed class DaemonOptions
{
    internal const string DefaultSocketPath = "/run/cni/dhcp.sock";

    internal const string Usage = """
        dhcp daemon: keeps the leases of containers for the dhcp plugin

        usage: dhcp daemon [options]

          -socketpath PATH       socket for the plugin (default: /run/cni/dhcp.sock); ignored when systemd passes one
          -statedir DIR          where leases are kept (default: the socket's path without its extension, /run/cni/dhcp)
          -pidfile PATH          absolute path of a file for the process id (default: none)
          -hostprefix DIR        what leads to the host's files when the daemon runs in a container (default: none)
          -broadcast             ask servers to broadcast their answers
          -timeout TIME          for one question and its answer (default: 10s)
          -resendmax TIME        longest pause between attempts (default: 62s)
          -resendtimeout TIME    for all attempts of one ADD (default: 208s)

        TIME is written as 1m30s, 10s, 500ms. Options may have one or two dashes.
        """;

    internal string SocketPath { get; private set; } = DefaultSocketPath;

    internal string? StateDirectory { get; private set; }

    internal string? PidFile { get; private set; }

    internal string HostPrefix { get; private set; } = "";

    internal LeaseTiming Timing { get; private set; } = new();

    internal bool Help { get; private set; }

    /// <exception cref="ArgumentException">The text says which option is wrong, and how it should be.</exception>
    internal static DaemonOptions Parse(ReadOnlySpan<string> arguments)
    {
        var options = new DaemonOptions();
        for (int i = 0; i < arguments.Length; i++)
        {
            string argument = arguments[i];
            string bare = argument.StartsWith("--", StringComparison.Ordinal) ? argument[2..] : argument.StartsWith('-') ? argument[1..]
                : throw new ArgumentException($"dhcp daemon takes options only, not \"{argument}\"");
            int equals = bare.IndexOf('=', StringComparison.Ordinal);
            string name = equals < 0 ? bare : bare[..equals];
            string? value = equals < 0 ? null : bare[(equals + 1)..];
            switch (name)
            {
                case "h" or "help":
                    options.Help = true;
                    break;
                case "broadcast":
                    options.Timing = options.Timing with { Broadcast = value is null || Boolean(name, value) };
                    break;
                case "socketpath" or "statedir" or "pidfile" or "hostprefix" or "timeout" or "resendmax" or "resendtimeout":
                    value ??= ++i < arguments.Length ? arguments[i] : throw new ArgumentException($"-{name} needs a value");
                    options.Set(name, value);
                    break;
                default:
                    throw new ArgumentException($"unknown option -{name}; dhcp daemon -help lists them");
            }
        }

        return options;
    }

    private void Set(string name, string value)
    {
        switch (name)
        {
            case "socketpath":
                SocketPath = value.Length > 0 ? value : throw new ArgumentException("-socketpath must not be empty");
                break;
            case "statedir":
                StateDirectory = Absolute(name, value);
                break;
            case "pidfile":
                PidFile = value.Length == 0 ? null : Absolute(name, value);
                break;
            case "hostprefix":
                HostPrefix = value;
                break;
            case "timeout":
                Timing = Timing with { Exchange = Duration(name, value) };
                break;
            case "resendmax":
                Timing = Timing with { LongestPause = Duration(name, value) };
                break;
            default:
                Timing = Timing with { Total = Duration(name, value) };
                break;
        }
    }

    private static string Absolute(string name, string value) =>
        value.StartsWith('/') ? value : throw new ArgumentException($"-{name} must be an absolute path, not \"{value}\"");

    private static TimeSpan Duration(string name, string value) =>
        GoDuration.TryParse(value, out var duration) && duration > TimeSpan.Zero
            ? duration : throw new ArgumentException($"-{name} must be a duration above 0 such as 1m30s, 10s or 500ms, not \"{value}\"");

    // What Go's strconv.ParseBool takes.
    private static bool Boolean(string name, string value) => value switch
    {
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        _ => throw new ArgumentException($"-{name} must be true or false, not \"{value}\""),
    };
}
