using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using Patchbay.Cni.Model;
using Patchbay.Plugins.Ipam.Dhcp.Leases;

namespace Patchbay.Plugins.Ipam.Dhcp.Daemon;

/// <summary>All leases and all plugins that ask, on one thread around one poll(2).</summary>
internal sealed unsafe class LeaseServer(DaemonContext context, DaemonSocket socket) : IDisposable
{
    /// <summary>More wait in the socket's queue: each ADD takes three descriptors, and a process has 1024 as a rule.</summary>
    private const int MostClients = 200;

    // poll(2) does not count the time that the machine sleeps, and leases do.
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan BetweenResumptions = TimeSpan.FromMilliseconds(5);

    private readonly Dictionary<LeaseKey, ManagedLease> _leases = [];
    private readonly List<ClientConnection> _clients = [];
    private Libc.PollFd[] _poll = new Libc.PollFd[64];

    /// <summary>Takes up the leases that are on disk.</summary>
    internal void Load()
    {
        int count = 0;
        foreach (var lease in context.Store.Load(context.Log))
        {
            if (lease.BootId == context.BootId)
                _leases.Add(lease.Key, new ManagedLease(context, lease, context.Now + (BetweenResumptions * count++)));
            else
                context.Store.Remove(lease.Key); // its container went with the last start of the machine
        }

        if (count > 0)
            context.Log($"taking up {count} {(count == 1 ? "lease" : "leases")}");
    }

    /// <summary>Serves until the descriptor has something to read.</summary>
    internal void Run(SafeFileHandle stop)
    {
        while (true)
        {
            int count = 0;
            Add(ref count, stop, Libc.POLLIN);
            Add(ref count, socket.Handle, _clients.Count < MostClients ? Libc.POLLIN : (short)0);
            var clients = _clients.ToArray();
            foreach (var client in clients)
                Add(ref count, client.Handle, Libc.POLLIN | Libc.POLLRDHUP);
            ManagedLease[] listening = [.. _leases.Values.Where(static lease => lease.Handle is not null)];
            foreach (var lease in listening)
                Add(ref count, lease.Handle!, Libc.POLLIN);

            if (Libc.Poll(_poll.AsSpan(0, count), Timeout()) < 0)
                throw Libc.Failure("wait for messages");
            if (_poll[0].Returned != 0)
                return;
            // Leases before plugins: an answer that has come counts although its plugin hung up meanwhile.
            for (int i = 0; i < listening.Length; i++)
            {
                if (_poll[2 + clients.Length + i].Returned != 0)
                    listening[i].Receive();
            }

            for (int i = 0; i < clients.Length; i++)
            {
                if (_poll[2 + i].Returned != 0)
                    Serve(clients[i]);
            }

            if (_poll[1].Returned != 0)
                Accept();
            foreach (var lease in _leases.Values)
            {
                if (lease.Deadline <= context.Now)
                    lease.Tick();
            }

            Sweep();
        }
    }

    /// <summary>Ends the requests that go on; leases stay on disk.</summary>
    public void Dispose()
    {
        foreach (var lease in _leases.Values)
        {
            if (!lease.HasLease)
                lease.Release("the daemon is ending");
            lease.Dispose();
        }

        foreach (var client in _clients)
            client.Dispose();
    }

    private void Add(ref int count, SafeFileHandle handle, short events)
    {
        if (count == _poll.Length)
            Array.Resize(ref _poll, 2 * count);
        _poll[count++] = new Libc.PollFd { Fd = (int)handle.DangerousGetHandle(), Events = events };
    }

    private int Timeout()
    {
        TimeSpan now = context.Now, next = now + LongestWait;
        foreach (var lease in _leases.Values)
        {
            if (lease.Deadline < next)
                next = lease.Deadline.Value;
        }

        return next <= now ? 0 : (int)Math.Ceiling((next - now).TotalMilliseconds);
    }

    private void Accept()
    {
        int fd = Libc.accept4(socket.Handle, null, null, Libc.SOCK_CLOEXEC | Libc.SOCK_NONBLOCK);
        if (fd < 0)
        {
            if (Libc.LastError is Libc.EMFILE or Libc.ENFILE)
                _ = Libc.Poll([], 50); // nothing to be done until some are closed
            return;
        }

        var client = new ClientConnection(new SafeFileHandle(fd, ownsHandle: true));
        if (ClientConnection.IsTrusted(client.Handle))
            _clients.Add(client);
        else
        {
            client.AnswerError(new CniException(CniError.Internal, "dhcp: the daemon answers to root and its own user only"));
            client.Dispose();
        }
    }

    private void Serve(ClientConnection client)
    {
        try
        {
            if (client.Read() is { } question)
                Answer(client, question);
        }
        catch (Exception error) when (error is CniException or JsonException or IOException or ArgumentException)
        {
            client.AnswerError(CniException.From(error));
        }
    }

    private void Answer(ClientConnection client, JsonView question)
    {
        switch (question.String("op"))
        {
            case "ping":
                client.AnswerDone();
                break;
            case "allocate":
                Allocate(client, Key(question), Netns(question), Lease.ReadSettings(question));
                break;
            case "release":
                if (_leases.TryGetValue(Key(question), out var released))
                    released.Release("as its plugin asked");
                client.AnswerDone();
                break;
            case "check":
                Check(client, Key(question), Netns(question));
                break;
            case "collect":
                Collect(question);
                client.AnswerDone();
                break;
            default:
                throw new CniException(CniError.Internal, "dhcp: the daemon does not know this request: plugin and daemon are of different versions; restart the daemon");
        }
    }

    private void Allocate(ClientConnection client, LeaseKey key, string netns, ClientSettings settings)
    {
        client.Send(writer => writer.WriteNumber("limitMilliseconds"u8, (long)context.Timing.Total.TotalMilliseconds));
        if (_leases.TryGetValue(key, out var lease) && !lease.IsDone)
        {
            if (lease.IsIn(netns) && (!lease.HasLease || lease.IsInPlace(netns)))
            {
                if (lease.HasLease)
                    client.AnswerResult(lease.Result());
                else
                    lease.Await(client);
                return;
            }

            lease.Release("the container is another one now");
        }

        lease = new ManagedLease(context, key, netns, settings);
        lease.Await(client);
        try
        {
            lease.Begin();
        }
        catch
        {
            lease.Dispose();
            _leases.Remove(key);
            throw;
        }

        _leases[key] = lease;
    }

    private void Check(ClientConnection client, LeaseKey key, string netns)
    {
        if (!_leases.TryGetValue(key, out var lease) || !lease.HasLease)
            throw new CniException(CniError.Internal, $"dhcp: no lease of container {key.ContainerId}, interface {key.IfName} on network {key.Network}: it was released, refused or not prolonged");
        if (!lease.IsIn(netns))
            throw new CniException(CniError.Internal, $"dhcp: the lease of container {key.ContainerId}, interface {key.IfName} is for another namespace than {netns}");
        client.AnswerResult(lease.Result());
    }

    private void Collect(JsonView question)
    {
        string network = Text(question, "network");
        HashSet<LeaseKey> keep = [.. (question.Array("keep") ?? []).Select(each => new LeaseKey(network, Text(each, "containerId"), Text(each, "ifName")))];
        foreach (var (key, lease) in _leases)
        {
            if (key.Network == network && lease.HasLease && !keep.Contains(key))
                lease.Release("no valid attachment holds it");
        }
    }

    private void Sweep()
    {
        for (int i = _clients.Count - 1; i >= 0; i--)
        {
            if (!_clients[i].IsDone)
                continue;
            foreach (var lease in _leases.Values)
                lease.Forget(_clients[i]);
            _clients[i].Dispose();
            _clients.RemoveAt(i);
        }

        foreach (var (key, lease) in _leases)
        {
            if (!lease.IsDone)
                continue;
            lease.Dispose();
            _leases.Remove(key); // allowed while walking through a Dictionary
        }
    }

    private static LeaseKey Key(JsonView question)
    {
        var key = new LeaseKey(Text(question, "network"), Text(question, "containerId"), Text(question, "ifName"));
        key.Validate();
        return key;
    }

    private static string Netns(JsonView question) =>
        Text(question, "netns") is var path && path.StartsWith('/') && !path.Contains('\0', StringComparison.Ordinal)
            ? path : throw new CniException(CniError.InvalidNetns, $"dhcp: \"{path}\" is not the absolute path of a network namespace; the daemon does not know the plugin's directory");

    private static string Text(JsonView view, string name) => view.String(name) ?? throw view.Error($"has no \"{name}\"");
}
