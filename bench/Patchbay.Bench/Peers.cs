using System.Text;

namespace Patchbay.Bench;

/// <summary>The programs measured: where they are and which versions; null for what is not installed.</summary>
internal sealed class Peers
{
    internal const string Ours = "patchbay";
    internal const string Reference = "reference";
    internal const string Netavark = "netavark";
    internal const string Limit = "limit";

    internal required string OursDirectory { get; init; }
    internal required string ReferenceDirectory { get; init; }
    internal string? NetavarkFile { get; init; }
    internal string? LimitFile { get; init; }
    internal string? PeakFile { get; init; }

    internal static Peers Find(string repository, Workspace workspace) => new()
    {
        OursDirectory = FreshCopy(Environment.GetEnvironmentVariable("PATCHBAY_CNI_BIN") ?? Path.Combine(repository, "out", "cni"), workspace, Ours),
        ReferenceDirectory = FreshCopy(Environment.GetEnvironmentVariable("PATCHBAY_CNI_REFERENCE") ?? "/usr/lib/cni", workspace, Reference),
        NetavarkFile = Array.Find(["/usr/lib/podman/netavark", "/usr/libexec/podman/netavark"], File.Exists),
        LimitFile = Compile(repository, workspace, "limit", "limit.c", "netlink.c", "nftables.c"),
        PeakFile = Compile(repository, workspace, "peak", "peak.c"),
    };

    internal string DirectoryOf(string program) => program == Ours ? OursDirectory : ReferenceDirectory;

    /// <summary>A plugin's file, or null if the program has none of that name.</summary>
    internal string? Plugin(string program, string name)
    {
        var file = Path.Combine(DirectoryOf(program), name);
        return File.Exists(file) ? file : null;
    }

    /// <summary>Names and versions of the programs, for the report.</summary>
    internal IEnumerable<(string Name, string Version)> Versions()
    {
        yield return (Ours, Directory.Exists(OursDirectory) ? "of this tree" : "not installed");
        yield return (Reference, Environment.GetEnvironmentVariable("PATCHBAY_CNI_REFERENCE") is not null
            ? "standard CNI plugins, own build"
            : PackageVersion("containernetworking-plugins"));
        yield return (Netavark, PackageVersion("netavark"));
        yield return ("iptables", PackageVersion("iptables"));
        yield return ("nftables", PackageVersion("nftables"));
        yield return ("yggdrasil", PackageVersion("yggdrasil"));
        yield return (Limit, LimitFile is null ? "not built (gcc is missing)" : "bench/limit, gcc -O2 -static");
    }

    private static string PackageVersion(string package)
    {
        var query = Command.Of("dpkg-query", "-W", "-f", "${Version}", package);
        if (!File.Exists(query.File))
            return "version unknown";
        var outcome = Spawn.Run(query);
        return outcome.ExitCode == 0 && outcome.Output.Length > 0
            ? $"Debian package {package} {Encoding.UTF8.GetString(outcome.Output)}"
            : "not installed";
    }

    /// <summary>A copy of a directory of plugins, its links kept.</summary>
    /// <remarks>
    /// How fast a program starts depends on how its file came into the page cache: written in one go it lies there in large pieces, read little by
    /// little in single pages, each a fault more. The same file took 1.0 ms and 1.2 ms to answer VERSION. Copied here, all lie there alike.
    /// </remarks>
    private static string FreshCopy(string directory, Workspace workspace, string name)
    {
        var copy = workspace.NewPath(name);
        if (Directory.Exists(directory))
            Spawn.Expect(Command.Of("cp", "-a", directory, copy));
        return copy;
    }

    private static string? Compile(string repository, Workspace workspace, string name, params string[] sources)
    {
        if (Command.Locate("gcc") is null)
            return null;
        var file = Path.Combine(workspace.Directory, name);
        Spawn.Expect(Command.Of("gcc", ["-O2", "-static", "-o", file, .. sources.Select(s => Path.Combine(repository, "bench", "limit", s))]));
        return file;
    }
}
