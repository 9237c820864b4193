using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading.Channels;
using Patchbay.Netlink;

namespace Patchbay.Lab.Engines;

/// <summary>No engine at all: the named namespaces of ip-netns(8), which come and go with <c>ip netns add</c> and <c>del</c>. Id and name are one; there is no process.</summary>
/// <param name="directory">Where the names are.</param>
/// <param name="time">Paces the attempts while the directory is not there.</param>
internal sealed class NamespaceEngine(string directory = NamespaceEngine.DefaultDirectory, TimeProvider? time = null) : Engine(new ProcessTable())
{
    /// <summary>Where ip(8) keeps names.</summary>
    public const string DefaultDirectory = "/run/netns";

    private const string Mounts = "/proc/self/mountinfo";

    // A name appears a moment before its namespace is mounted there, of which nothing tells; or whoever made it was killed in that moment. Looked at again after
    // 5 ms, 10 ms, 15 ms and so on, for two seconds in all.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(5);
    private const int MostLooks = 28;

    private readonly TimeProvider _time = time ?? TimeProvider.System;

    public override string Name => $"namespaces in {directory}";

    public override Task<IReadOnlyList<Instance>> ListAsync(CancellationToken cancellation) => Task.FromResult<IReadOnlyList<Instance>>([.. List().Values]);

    public override Task<Instance?> FindAsync(string idOrName, CancellationToken cancellation) => Task.FromResult(List().GetValueOrDefault(idOrName));

    public override bool IsRunning(Instance instance) => List().TryGetValue(instance.Id, out var now) && now.Key == instance.Key;

    public override IAsyncEnumerable<EngineEvent> WatchAsync(CancellationToken cancellation) => Reconnection.Follow(ConnectAsync, _time, cancellation);

    public override async Task<ExecResult> ExecAsync(Instance instance, IReadOnlyList<string> command, CancellationToken cancellation)
    {
        // .NET's first child makes a thread that waits for the ends of children: not in the other namespace, which it would keep.
        using (PosixSignalRegistration.Create(PosixSignal.SIGCHLD, _ => { }))
        {
            var start = new ProcessStartInfo(command[0], command.Skip(1)) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
            Process process;
            try
            {
                using var space = NetworkNamespace.Open(instance.NamespacePath);
                process = space.Run(() => Process.Start(start)!); // a child has the namespace of the thread that makes it
            }
            catch (Exception failure) when (failure is System.ComponentModel.Win32Exception or NetlinkException or FileNotFoundException)
            {
                throw new EngineException(Name, $"cannot run \"{command[0]}\" in \"{instance.Name}\": {failure.Message}", failure);
            }

            using (process)
                return await ExecResult.OfAsync(process, cancellation).ConfigureAwait(false);
        }
    }

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private async IAsyncEnumerable<EngineEvent> ConnectAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var names = Channel.CreateUnbounded<(string Name, int Looks)>();
        using var watcher = Watch(names.Writer);
        var known = List();
        yield return new EngineEvent { Kind = EngineEventKind.Resynchronise };
        foreach (var path in Directory.EnumerateFiles(directory))
        {
            if (Path.GetFileName(path) is var name && !known.ContainsKey(name))
                names.Writer.TryWrite((name, 0));
        }

        await foreach (var (name, looks) in names.Reader.ReadAllAsync(cancellation).ConfigureAwait(false))
        {
            List().TryGetValue(name, out var now);
            if (now is null && looks < MostLooks && File.Exists(Path.Combine(directory, name)))
                _ = LookAgainAsync(names.Writer, name, looks + 1, cancellation);
            known.Remove(name, out var before);
            if (before is not null && before.Key != now?.Key)
                yield return new EngineEvent { Kind = EngineEventKind.Died, Id = name };
            if (now is null)
                continue;
            known[name] = now;
            if (before?.Key != now.Key)
                yield return new EngineEvent { Kind = EngineEventKind.Started, Id = name, Instance = now };
        }
    }

    private async Task LookAgainAsync(ChannelWriter<(string Name, int Looks)> names, string name, int looks, CancellationToken cancellation)
    {
        await Task.Delay(Patience * looks, _time, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        names.TryWrite((name, looks));
    }

    private FileSystemWatcher Watch(ChannelWriter<(string Name, int Looks)> names)
    {
        try
        {
            var watcher = new FileSystemWatcher(directory) { NotifyFilter = NotifyFilters.FileName };
            watcher.Created += (_, change) => names.TryWrite((change.Name!, 0));
            watcher.Deleted += (_, change) => names.TryWrite((change.Name!, 0));
            watcher.Error += (_, failure) => names.TryComplete(new EngineException(Name, failure.GetException().Message, failure.GetException()));
            watcher.EnableRaisingEvents = true;
            return watcher;
        }
        catch (Exception missing) when (missing is ArgumentException or FileNotFoundException or IOException)
        {
            throw new EngineException(Name, $"cannot be watched: {missing.Message}", missing);
        }
    }

    /// <summary>The names under which a namespace is mounted (proc(5), mountinfo); the number of the mount and that of the namespace stand for the process's start.</summary>
    private Dictionary<string, Instance> List()
    {
        var found = new Dictionary<string, Instance>(StringComparer.Ordinal);
        foreach (var line in File.ReadLines(Mounts))
        {
            // 411 410 0:4 net:[4026532281] /run/netns/blue rw shared:210 - nsfs nsfs rw
            if (line.Split(' ') is not [var mount, _, _, ['n', 'e', 't', ':', '[', .. var inode, ']'], var path, ..] || Path.GetDirectoryName(path) != directory)
                continue;
            var name = Path.GetFileName(path);
            found[name] = new Instance
            {
                Id = name,
                Name = name,
                Pid = 0,
                StartTime = ulong.Parse(mount, CultureInfo.InvariantCulture) << 32 | ulong.Parse(inode, CultureInfo.InvariantCulture),
                NamespacePath = path,
            };
        }

        return found;
    }
}
