using System.Globalization;
using System.Text;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;

namespace Patchbay.Plugins.Tools.NetRun;

/// <summary>The namespace of a container that does nothing but hold it. Docker joins no path, only another container (<c>--network container:NAME</c>).</summary>
/// <remarks>The holder's image is this file alone, so nothing is pulled: it is imported when the engine does not have it yet.</remarks>
internal sealed class DockerPlace(RunIdentity run, bool begun) : Place
{
    private const string Docker = "docker";
    private const string Label = "patchbay.docker-run";
    private const string Image = $"patchbay-pause:{PluginHost.ProgramVersion}";
    private const string FileInImage = "patchbay-cni";

    private bool _begun = begun;

    // An engine that does not answer keeps us no longer than this; pulling and running are the command's, and take as long as they take.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    /// <summary>The command: <c>docker run</c> in the holder's namespace.</summary>
    internal static byte[][] RunLine(RunIdentity run, ReadOnlySpan<byte[]> rest) =>
    [
        .. Line("run", "--network", $"container:{run.Id}", "--label", $"{Label}={run.Id}"), .. rest,
    ];

    internal override void Make()
    {
        if (!Try(default, "image", "inspect", "--format", "{{.Id}}", Image).Succeeded)
        {
            string entry = $"ENTRYPOINT [\"/{FileInImage}\", \"{Role.HelperName}\", \"{Role.Pause}\"]";
            Call(TarFile.Of(FileInImage, File.ReadAllBytes("/proc/self/exe")), "import", "--change", entry, "-", Image);
        }

        _begun = true;
        Call(default, "run", "--detach", "--pull", "never", "--name", run.Id, "--network", "none", "--read-only", "--cap-drop", "ALL", Image);
        string text = Call(default, "inspect", "--format", "{{.State.Pid}}", run.Id);
        if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int pid) || pid == 0)
            throw new CniException(CniError.Internal, $"the holder container {run.Id} does not run (docker inspect says process \"{text}\")");
        RequireOnThisHost(pid);
        NamedNamespace.OfProcess(run.Id, pid);

        // The engine switches IPv6 off in a container that has no network of its own (libnetwork, osl/namespace_linux.go); the networks decide here.
        using NetworkNamespace netns = NetworkNamespace.Open(NamedNamespace.PathOf(run.Id));
        using SysctlDirectory settings = SysctlDirectory.Open(netns);
        _ = settings.TryWrite("ipv6/conf/all/disable_ipv6", "0");
    }

    internal override void Remove()
    {
        if (!_begun)
            return;
        EndRemaining(); // once more: the engine may have been about to create it
        NamedNamespace.Remove(run.Id);
        ChildResult removed = Try(default, "rm", "--force", run.Id);
        if (!removed.Succeeded && !Text(removed.Error).Contains("No such container", StringComparison.OrdinalIgnoreCase))
            throw Failed("rm", removed);
    }

    // A container that was detached (-d, Ctrl-P Ctrl-Q) goes on when docker run has ended.
    internal override byte[][]? Remaining() => List("running", "paused", "restarting") is { Length: > 0 } ids ? Line(["wait", .. ids]) : null;

    internal override void EndRemaining()
    {
        // When docker run was killed, the engine goes on. To kill what it is starting, which is listed as created, waits until it runs;
        // what never will is removed, because nothing else would.
        foreach (string id in List("created", "running", "paused", "restarting"))
            _ = Try(default, "kill", id);
        foreach (string id in List("created"))
            _ = Try(default, "rm", "--force", id);
    }

    private string[] List(params string[] states)
    {
        if (!_begun)
            return [];
        List<string> arguments = ["ps", "--all", "--quiet", "--no-trunc", "--filter", $"label={Label}={run.Id}"];
        foreach (string state in states)
            arguments.AddRange(["--filter", $"status={state}"]);
        ChildResult listed = Try(default, [.. arguments]);
        return listed.Succeeded ? Text(listed.Output).Split('\n', StringSplitOptions.RemoveEmptyEntries) : [];
    }

    // DOCKER_HOST may name another machine, whose process of that number is none of ours. Not by its command line: the engine says that the
    // container runs when runc is about to execute it. Its root is the image's by then.
    private void RequireOnThisHost(int pid)
    {
        if (!File.Exists(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/root/{FileInImage}")))
            throw new CniException(CniError.Internal, $"the docker engine does not run on this host: its process {pid}, the holder container {run.Id}, is not here");
    }

    private static string Call(ReadOnlyMemory<byte> input, params string[] arguments)
    {
        ChildResult result = Try(input, arguments);
        return result.Succeeded ? Text(result.Output) : throw Failed(arguments[0], result);
    }

    private static ChildResult Try(ReadOnlyMemory<byte> input, params string[] arguments)
    {
        try
        {
            return ChildProcess.Run(Docker, arguments, input, limit: Limit);
        }
        catch (TimeoutException error)
        {
            throw new CniException(CniError.TryAgainLater, $"docker {arguments[0]} did not finish within {Limit.TotalSeconds} s and was killed", inner: error);
        }
    }

    private static CniException Failed(string verb, ChildResult result) =>
        new(CniError.Internal, $"docker {verb} failed: {(result.Error.IsEmpty ? result.Exit : Text(result.Error))}");

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span).Trim();

    private static byte[][] Line(params string[] words) => [ProcessText.Of(Docker), .. words.Select(ProcessText.Of)];
}
