using System.CommandLine;
using Patchbay.Lab.Life;
using Patchbay.Lab.Schema;

namespace Patchbay.Commands.Lab;

/// <summary>The arguments that say which lab is meant: its files, or its name; the options are also conlink's.</summary>
/// <param name="withFiles">False for verbs whose own arguments stand where the files would.</param>
internal sealed class LabArguments(bool withFiles = true)
{
    private const int LongestName = 40;

    private readonly Argument<string[]> _files = new("FILE") { Description = "Compose files and network files of the lab, or the name of a lab that is up.", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<string?> _name = new("--name", "-n") { Description = "The lab's name; that of the file unless told." };
    private readonly Option<string[]> _network = new("--network-file") { Description = "A network file; several by repetition, or as a:b.", AllowMultipleArgumentsPerToken = false };
    private readonly Option<string[]> _compose = new("--compose-file") { Description = "A compose file with x-network; several likewise." };
    private readonly Option<string[]> _profiles = new("--profile") { Description = "Compose profiles that are on." };
    private readonly Option<string?> _bridgeMode = new("--default-bridge-mode") { Description = "auto, linux, ovs or patch, for bridges that do not say (CONLINK_BRIDGE_MODE)." };
    private readonly Option<int?> _mtu = new("--default-mtu") { Description = "For links that do not say; 65535 unless told." };
    private readonly Option<bool> _offload = new("--keep-veth-offload") { Description = "Leave checksum offloading of veths on." };
    private readonly Option<string?> _project = new("--compose-project") { Description = "The compose project whose containers are meant." };
    private readonly Option<string?> _docker = new("--docker-socket") { Description = "Docker's socket." };
    private readonly Option<string?> _podman = new("--podman-socket") { Description = "Podman's socket." };
    private readonly Option<string?> _containerd = new("--containerd-socket") { Description = "containerd's socket." };
    private readonly Option<string?> _hooks = new("--hook-socket") { Description = "Where \"patchbay lab hook\", called by runc, finds the lab." };
    private readonly Option<bool> _namespaces = new("--namespaces") { Description = "Take named namespaces (ip netns) for containers: a namespace of that name is linked as soon as it is there." };
    private readonly Option<string?> _ovs = new("--ovs-socket") { Description = "The socket of Open vSwitch's database." };
    private readonly Option<string?> _here = new("--netns") { Description = "The namespace for the bridges, a name or a path; this process's own unless told." };

    public void AddTo(Command command)
    {
        if (withFiles)
            command.Add(_files);
        foreach (Option option in (Option[])[_name, _network, _compose, _profiles, _bridgeMode, _mtu, _offload, _project, _docker, _podman, _containerd, _hooks, _namespaces, _ovs, _here])
            command.Add(option);
    }

    /// <summary>The lab that the arguments mean.</summary>
    /// <exception cref="LabFileException">A file is not as it should be.</exception>
    /// <exception cref="UsageException">They mean none, or more than one.</exception>
    public ChosenLab Choose(ParseResult parsed)
    {
        var files = withFiles ? parsed.GetValue(_files) ?? [] : [];
        var name = parsed.GetValue(_name);
        var network = Split(parsed.GetValue(_network));
        var compose = Split(parsed.GetValue(_compose));
        var given = files.Length + network.Count + compose.Count;
        if (given == 0 || (given == 1 && files.Length == 1 && !File.Exists(files[0]) && files[0] != "-" && LabState.All().Contains(files[0])))
            return FromRecord(given == 0 ? name : files[0]);
        var sources = files.Select(file => LabSource.Load(file, compose: null))
            .Concat(compose.Select(file => LabSource.Load(file, compose: true))).Concat(network.Select(file => LabSource.Load(file, compose: false))).ToList();
        var profiles = (parsed.GetValue(_profiles) ?? []).Append(Environment.GetEnvironmentVariable("COMPOSE_PROFILES") ?? "")
            .SelectMany(each => each.Split([',', ' '], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)).ToList();
        var (config, read) = LabFiles.Read(sources, profiles, Environment.GetEnvironmentVariable);
        var first = files.Concat(compose).Concat(network).First();
        var options = new LabOptions
        {
            DefaultBridgeMode = Mode(parsed.GetValue(_bridgeMode) ?? Environment.GetEnvironmentVariable("CONLINK_BRIDGE_MODE")),
            DefaultMtu = parsed.GetValue(_mtu),
            KeepVethOffload = parsed.GetValue(_offload),
            Project = parsed.GetValue(_project),
            FilesProject = ProjectOf(sources, config),
            DockerSocket = parsed.GetValue(_docker),
            PodmanSocket = parsed.GetValue(_podman),
            ContainerdSocket = parsed.GetValue(_containerd),
            HookSocket = parsed.GetValue(_hooks),
            Namespaces = parsed.GetValue(_namespaces),
            OvsSocket = parsed.GetValue(_ovs),
            Here = parsed.GetValue(_here) is { } here ? (here.Contains('/', StringComparison.Ordinal) ? here : Patchbay.Netlink.NamedNamespace.PathOf(here)) : null,
        };
        return new ChosenLab(NameOf(name ?? config.Name?.Text ?? options.Project, first), config, read, options);
    }

    /// <summary>Whether files were named, and not only a lab that is up.</summary>
    public bool HasFiles(ParseResult parsed) =>
        (parsed.GetValue(_files) ?? []).Length + Split(parsed.GetValue(_network)).Count + Split(parsed.GetValue(_compose)).Count > 0;

    /// <summary>The name alone, for commands that need no file; files are not read unless they must be.</summary>
    public string ChooseName(ParseResult parsed)
    {
        if (parsed.GetValue(_name) is { } told)
            return NameOf(told, "");
        var files = withFiles ? parsed.GetValue(_files) ?? [] : [];
        if (files.Length == 1 && !File.Exists(files[0]) && files[0] != "-")
            return NameOf(files[0], "");
        return files.Length + Split(parsed.GetValue(_network)).Count + Split(parsed.GetValue(_compose)).Count == 0 ? OnlyLab() : Choose(parsed).Name;
    }

    // docker-compose's rule: the variable, the file's "name", or the directory's name in what letters a project may have.
    private static string? ProjectOf(List<LabSource> sources, LabConfig config)
    {
        if (sources.Find(source => source.IsCompose) is not { } compose)
            return null;
        if (Environment.GetEnvironmentVariable("COMPOSE_PROJECT_NAME") is { Length: > 0 } told)
            return told;
        var directory = Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(compose.Name))) ?? "";
        return config.Name?.Text ?? string.Concat(directory.ToLowerInvariant().Where(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-'));
    }

    private static ChosenLab FromRecord(string? name)
    {
        name ??= OnlyLab();
        var record = new LabState(name).Read() ?? throw new UsageException($"no lab \"{name}\" is up{Known()}; name its files");
        var (config, sources) = record.ReadFiles();
        return new ChosenLab(name, config, sources, record.Options);
    }

    private static string OnlyLab() => LabState.All() switch
    {
        [var only] => only,
        [] => throw new UsageException("no lab is up; name the files of one"),
        _ => throw new UsageException($"several labs are up; say which by --name{Known()}"),
    };

    private static string Known() => LabState.All() is { Count: > 0 } all ? $" (up: {string.Join(", ", all)})" : "";

    private static List<string> Split(string[]? files) => [.. (files ?? []).SelectMany(each => each.Split(':', StringSplitOptions.RemoveEmptyEntries))];

    private static BridgeMode Mode(string? word) => word switch
    {
        null or "" or "auto" => BridgeMode.Auto,
        "linux" => BridgeMode.Linux,
        "ovs" => BridgeMode.OpenVSwitch,
        "patch" => BridgeMode.Patch,
        _ => throw new UsageException($"expected auto, linux, ovs or patch as mode of bridges, found \"{word}\""),
    };

    // A name of a lab becomes a part of names of files, namespaces and tables.
    private static string NameOf(string? told, string file)
    {
        var name = told;
        if (name is null)
        {
            name = Path.GetFileName(file);
            foreach (var extension in (ReadOnlySpan<string>)[".yaml", ".yml", ".json", ".lab"])
                name = name.EndsWith(extension, StringComparison.OrdinalIgnoreCase) ? name[..^extension.Length] : name;
            // Every project has a file of these names: the directory tells them apart, as for docker-compose.
            if (name is "compose" or "docker-compose" or "network")
                name = Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(file))) ?? name;
            name = string.Concat(name.Where(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.')).TrimStart('_', '-', '.');
            name = name.Length == 0 ? "lab" : name[..Math.Min(name.Length, LongestName)];
        }

        return Names.IsContainer(name) && name.Length <= LongestName
            ? name
            : throw new UsageException($"expected a name of at most {LongestName} letters, digits, \"_\", \".\" and \"-\" for the lab, found \"{name}\"");
    }
}

/// <summary>The lab that a command is about.</summary>
internal sealed record ChosenLab(string Name, LabConfig Config, LabSources Sources, LabOptions Options);

/// <summary>The command line cannot be understood.</summary>
internal sealed class UsageException(string message) : Exception(message);
