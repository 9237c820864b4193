using System.Text;

namespace Patchbay.Lab.Schema;

/// <summary>The options of podman-run(1) that a container of the lab's own may have; docker-run(1) has the same.</summary>
internal sealed record RunOptions
{
    // What the container has in any case, and what concerns the terminal of whoever types the command.
    private static readonly HashSet<string> Given = ["-d", "--detach", "-i", "--interactive", "-t", "--tty", "-it", "-ti", "-dit", "--rm", "--init", "--network=none", "--net=none", "--systemd=always", "--systemd=true", "--systemd=false", "-q", "--quiet"];

    public IReadOnlyList<string> Environment { get; private init; } = [];

    public IReadOnlyList<string> Volumes { get; private init; } = [];

    public IReadOnlyList<string> Capabilities { get; private init; } = [];

    public IReadOnlyList<string> SecurityOptions { get; private init; } = [];

    public IReadOnlyDictionary<string, string> Sysctls { get; private init; } = new Dictionary<string, string>();

    public IReadOnlyDictionary<string, string> Tmpfs { get; private init; } = new Dictionary<string, string>();

    public string? EntryPoint { get; private init; }

    public string? HostName { get; private init; }

    public string? WorkingDirectory { get; private init; }

    public string? User { get; private init; }

    public bool Privileged { get; private init; }

    /// <returns>What is wrong with the words; null when nothing is.</returns>
    public static string? TryParse(IReadOnlyList<string> words, out RunOptions options)
    {
        options = new RunOptions();
        for (var i = 0; i < words.Count; i++)
        {
            if (Given.Contains(words[i]))
                continue;
            if (words[i] is "--privileged" or "--privileged=true")
            {
                options = options with { Privileged = true };
                continue;
            }

            var equals = words[i].StartsWith("--", StringComparison.Ordinal) ? words[i].IndexOf('=', StringComparison.Ordinal) : -1;
            var (name, value) = equals > 0 ? (words[i][..equals], words[i][(equals + 1)..]) : (words[i], null);
            var before = options;
            options = options.With(name, value ?? (i + 1 < words.Count ? words[++i] : ""));
            if (ReferenceEquals(before, options))
                return $"expected --env, --volume, --cap-add, --security-opt, --sysctl, --tmpfs, --entrypoint, --hostname, --workdir, --user or --privileged of podman-run(1), found \"{name}\"";
        }

        return null;
    }

    /// <summary>Divides a text into words as a shell does: at blanks that are in no quotes.</summary>
    public static IReadOnlyList<string> Split(string text)
    {
        var words = new List<string>();
        var word = new StringBuilder();
        var (inside, quote) = (false, '\0');
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (quote == '\0' && char.IsWhiteSpace(c))
            {
                if (inside)
                    words.Add(word.ToString());
                word.Clear();
                inside = false;
                continue;
            }

            inside = true;
            if (c == quote)
                quote = '\0';
            else if (quote == '\0' && c is '\'' or '"')
                quote = c;
            else if (c == '\\' && quote != '\'' && i + 1 < text.Length)
                word.Append(text[++i]);
            else
                word.Append(c);
        }

        if (inside)
            words.Add(word.ToString());
        return words;
    }

    private RunOptions With(string name, string value) => name switch
    {
        "-e" or "--env" => this with { Environment = [.. Environment, value] },
        "-v" or "--volume" => this with { Volumes = [.. Volumes, value] },
        "--cap-add" => this with { Capabilities = [.. Capabilities, value] },
        "--security-opt" => this with { SecurityOptions = [.. SecurityOptions, value] },
        "--sysctl" => this with { Sysctls = And(Sysctls, value, '=') },
        "--tmpfs" => this with { Tmpfs = And(Tmpfs, value, ':') },
        "--entrypoint" => this with { EntryPoint = value },
        "-h" or "--hostname" => this with { HostName = value },
        "-w" or "--workdir" => this with { WorkingDirectory = value },
        "-u" or "--user" => this with { User = value },
        _ => this,
    };

    private static Dictionary<string, string> And(IReadOnlyDictionary<string, string> all, string pair, char separator)
    {
        var at = pair.IndexOf(separator, StringComparison.Ordinal);
        return new Dictionary<string, string>(all) { [at < 0 ? pair : pair[..at]] = at < 0 ? "" : pair[(at + 1)..] };
    }
}
