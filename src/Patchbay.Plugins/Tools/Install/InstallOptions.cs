namespace Patchbay.Plugins.Tools.Install;

/// <summary>The command line of <c>patchbay-cni install</c>.</summary>
internal sealed class InstallOptions
{
    internal const string Usage = """
        patchbay-cni install: put this program into a directory of plugins, one file under every name

        usage: patchbay-cni install [flags] DIR              each name is replaced at once; what is another's is not
               patchbay-cni install [flags] --check DIR      is it there, whole and of this version?
               patchbay-cni install [flags] --uninstall DIR  remove what is patchbay-cni, of whatever version

          --names A,B   these names only
          --force       replace files of others, too
          --k3s         DIR is k3s': leave alone the names that k3s has itself. Without DIR, /var/lib/rancher/k3s/data/cni
                        or, up to k3s 1.31.1, /var/lib/rancher/k3s/data/current/bin
          --wait        stay after the installation until SIGTERM or SIGINT: what a DaemonSet runs
          --dry-run     say what would be done
          --json        say it as a JSON object

        exit status: 0 done, or as it should be; 1 not; 2 a command line that is wrong
        """;

    /// <summary>Where k3s 1.28.15, 1.29.10, 1.30.6, 1.31.2 and later have containerd look for plugins.</summary>
    private const string K3sPlugins = "/var/lib/rancher/k3s/data/cni";

    /// <summary>Where it was before.</summary>
    private const string K3sPrograms = "/var/lib/rancher/k3s/data/current/bin";

    internal string Directory { get; private set; } = "";

    internal List<string> Names { get; private set; } = [];

    internal bool Check { get; private set; }

    internal bool Uninstall { get; private set; }

    internal bool Force { get; private set; }

    internal bool K3s { get; private set; }

    internal bool Wait { get; private set; }

    internal bool DryRun { get; private set; }

    internal bool Json { get; private set; }

    internal bool Help { get; private set; }

    /// <summary>Reads the command line.</summary>
    /// <param name="arguments">What comes after <c>install</c>.</param>
    /// <param name="all">Every name that there is.</param>
    /// <exception cref="ArgumentException">It is wrong; the message says how.</exception>
    internal static InstallOptions Parse(ReadOnlySpan<string> arguments, List<string> all)
    {
        var options = new InstallOptions { Names = all };
        for (int i = 0; i < arguments.Length; i++)
        {
            string argument = arguments[i];
            if (argument.StartsWith("--names=", StringComparison.Ordinal))
                options.Names = Subset(argument["--names=".Length..], all);
            else if (argument == "--names")
                options.Names = Subset(++i < arguments.Length ? arguments[i] : throw new ArgumentException("--names needs a list of names"), all);
            else if (argument.StartsWith('-'))
                options.Set(argument);
            else if (options.Directory.Length > 0 || argument.Length == 0)
                throw new ArgumentException($"one directory, not also \"{argument}\"");
            else
                options.Directory = argument;
        }

        if (options.Directory.Length == 0 && options.K3s)
            options.Directory = System.IO.Directory.Exists(K3sPlugins) ? K3sPlugins : K3sPrograms;
        if (options.Directory.Length == 0 && !options.Help)
            throw new ArgumentException("which directory? Engines look in /opt/cni/bin, Debian's also in /usr/lib/cni");
        if (options is { Check: true, Uninstall: true } or { Check: true, Force: true } or { Uninstall: true, Force: true })
            throw new ArgumentException("--check, --uninstall and --force exclude each other");
        if (options.Wait && (options.Check || options.Uninstall || options.DryRun))
            throw new ArgumentException("--wait is for an installation");
        return options;
    }

    private void Set(string flag)
    {
        switch (flag)
        {
            case "--check":
                Check = true;
                break;
            case "--uninstall":
                Uninstall = true;
                break;
            case "--force":
                Force = true;
                break;
            case "--k3s":
                K3s = true;
                break;
            case "--wait":
                Wait = true;
                break;
            case "--dry-run":
                DryRun = true;
                break;
            case "--json":
                Json = true;
                break;
            case "-h" or "--help":
                Help = true;
                break;
            default:
                throw new ArgumentException($"unknown flag {flag}; patchbay-cni install --help lists them");
        }
    }

    private static List<string> Subset(string text, List<string> all)
    {
        List<string> names = [];
        foreach (string name in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (!all.Contains(name))
                throw new ArgumentException($"\"{name}\" is none of the names: {string.Join(", ", all.ToArray())}");
            if (!names.Contains(name))
                names.Add(name);
        }

        return names.Count > 0 ? names : throw new ArgumentException("--names needs a list of names");
    }
}
