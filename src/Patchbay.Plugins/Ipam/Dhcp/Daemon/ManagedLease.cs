using Microsoft.Win32.SafeHandles;
using Patchbay.Cni.Model;
using Patchbay.Cni.Plugin;
using Patchbay.Netlink;
using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Ipam.Dhcp.Leases;
using Patchbay.Plugins.Ipam.Dhcp.Protocol;

namespace Patchbay.Plugins.Ipam.Dhcp.Daemon;

/// <summary>A lease of the daemon: joins its state machine to sockets, file and the plugins that wait for it.</summary>
internal sealed class ManagedLease : IDisposable
{
    private const int MostPackets = 64; // at a time: others wait too

    private readonly DaemonContext _context;
    private readonly LeaseMachine _machine;
    private readonly ClientSettings _settings;
    private readonly string _netns;
    private readonly List<ClientConnection> _waiting = [];
    private LeaseChannel? _channel;
    private LeasePlace? _place;
    private MacAddress _sender;
    private MacAddress _server;
    private Lease? _stored;
    private readonly TimeSpan _resumeAt;
    private string _trouble = "";

    /// <summary>A lease to ask for.</summary>
    internal ManagedLease(DaemonContext context, LeaseKey key, string netns, ClientSettings settings)
    {
        (_context, Key, _netns, _settings) = (context, key, netns, settings);
        _machine = new LeaseMachine(context.Clock, context.Random, context.Timing, settings, default);
    }

    /// <summary>A lease from disk.</summary>
    internal ManagedLease(DaemonContext context, Lease stored, TimeSpan resumeAt)
        : this(context, stored.Key, stored.Place.NetnsPath, stored.Settings)
    {
        (_stored, _place, _server, _resumeAt) = (stored, stored.Place, stored.ServerHardware, resumeAt);
        _machine.Hardware = stored.Place.Hardware;
    }

    internal LeaseKey Key { get; }

    /// <summary>True when there is nothing more to do for it.</summary>
    internal bool IsDone { get; private set; }

    /// <summary>True when the address is the container's.</summary>
    internal bool HasLease => !IsDone && (_stored is not null || _machine.HasLease);

    /// <summary>When <see cref="Tick"/> has something to do; null for never.</summary>
    internal TimeSpan? Deadline => _stored is not null && _machine.Ack is null ? _resumeAt : _machine.Deadline;

    /// <summary>For poll(2); null when no answer is awaited.</summary>
    internal SafeFileHandle? Handle => _channel?.Handle;

    /// <summary>Asks for the lease; the interface is set up if it is down.</summary>
    /// <exception cref="CniException">There is no such interface.</exception>
    internal void Begin()
    {
        try
        {
            OpenChannel(setUp: true);
        }
        catch (IOException error)
        {
            throw new CniException(CniError.Internal, $"dhcp: cannot ask for an address on \"{Key.IfName}\": {error.Message}", inner: error);
        }

        _machine.Begin();
        Pump();
    }

    internal void Await(ClientConnection client) => _waiting.Add(client);

    /// <summary>A plugin hung up. When nobody waits for a new lease any more, it is not asked for any longer.</summary>
    internal void Forget(ClientConnection client)
    {
        if (_waiting.Remove(client) && _waiting.Count == 0 && !HasLease)
            Release("its plugin hung up");
    }

    internal void Tick()
    {
        if (_stored is { } stored && _machine.Ack is null)
            _machine.Resume(stored.Ack, stored.BoundAt);
        else
            _machine.Tick();
        Pump();
    }

    /// <summary>Packets came.</summary>
    internal void Receive()
    {
        bool more = true;
        for (int i = 0; i < MostPackets && more && _channel is not null; i++)
        {
            if (_channel.Receive(out _sender, out more) is not { } message)
                continue;
            _machine.Receive(message);
            Pump();
        }
    }

    /// <summary>What ADD and CHECK answer.</summary>
    /// <exception cref="CniException">The server told no usable mask.</exception>
    internal CniResult Result() => (_machine.Terms ?? new LeaseTerms(_stored!.Ack)).ToResult(_settings.Priority);

    /// <summary>Whether a path leads to the namespace that the lease is for.</summary>
    internal bool IsIn(string netns) =>
        _place is { } place && FileIdentity.Of(_context.HostPrefix + netns) is { } file && file.Device == place.Device && file.Inode == place.Inode;

    /// <summary>Whether the interface is still the one that the lease was given to.</summary>
    internal bool IsInPlace(string netns)
    {
        try
        {
            LeaseChannel.Open(netns, _context.HostPrefix, Key.IfName, expected: _place).Dispose();
            return true;
        }
        catch (Exception error) when (error is CniException or IOException)
        {
            return false;
        }
    }

    /// <summary>Gives the address back, or gives up asking for one.</summary>
    internal void Release(string why)
    {
        var ack = _machine.Ack ?? _stored?.Ack;
        var message = _machine.State is LeaseState.Init && ack is not null
            ? LeaseMachine.MakeRelease(ack, _settings, _machine.Hardware, (uint)_context.Random.NextInt64(uint.MaxValue)) : _machine.Release();
        if (message is not null)
        {
            try
            {
                OpenChannel(setUp: false);
                message.Hardware = _channel!.Place.Hardware;
                _channel.Send(message, message.ClientAddress, message.Server, ack is null ? _sender : _server);
                _context.Log($"{Key}: {LeaseTerms.Text(message.ClientAddress)} released, {why}");
            }
            catch (Exception error) when (error is CniException or IOException)
            {
                _context.Log($"{Key}: {LeaseTerms.Text(message.ClientAddress)} forgotten, {why}; the server cannot be told: {error.Message}");
            }
        }

        else
        {
            _context.Log($"{Key}: given up, {why}");
        }

        Drop(new CniException(CniError.TryAgainLater, $"dhcp: the request for an address was given up: {why}"));
    }

    /// <inheritdoc/>
    public void Dispose() => CloseChannel();

    private void Pump()
    {
        while (!IsDone && _machine.TryTake(out var what, out var message, out string text))
        {
            switch (what)
            {
                case LeaseEvent.Broadcast or LeaseEvent.Unicast:
                    Send(message!, toServer: what == LeaseEvent.Unicast);
                    break;
                case LeaseEvent.Bound:
                    Bound();
                    break;
                case LeaseEvent.Failed:
                    string hint = _trouble.Length > 0 ? $" ({_trouble})" : "";
                    Drop(new CniException(CniError.Internal, $"error calling DHCP.Allocate: {text} on \"{Key.IfName}\" ({_machine.Hardware}){hint}"));
                    break;
                case LeaseEvent.Lost:
                    Lose(text);
                    break;
            }
        }

        if (!_machine.Listens)
            CloseChannel();
    }

    private void Send(DhcpMessage message, bool toServer)
    {
        try
        {
            OpenChannel(setUp: false);
            message.Hardware = _machine.Hardware;
            if (!toServer)
                _channel!.Send(message, message.ClientAddress, UdpPacket.Everyone, null);
            else if (!_channel!.TrySendRouted(message, _machine.Ack!.Server))
                _channel.Send(message, message.ClientAddress, _machine.Ack.Server, _server);
            _trouble = "";
        }
        catch (CniException gone)
        {
            // Namespace or interface: nobody is there to use the address, and nobody to give it back from.
            if (HasLease)
                _context.Log($"{Key}: {LeaseTerms.Text(_machine.Terms?.Address ?? 0)} forgotten: {gone.Message}");
            Drop(gone);
        }
        catch (IOException error)
        {
            // As good as lost on the way; it is sent again.
            if (_trouble != error.Message)
                _context.Log($"{Key}: {error.Message}");
            _trouble = error.Message;
        }
    }

    private void Bound()
    {
        var terms = _machine.Terms!;
        bool isNew = _stored is null;
        _server = _sender;
        try
        {
            var result = Result();
            _stored = new Lease
            {
                Key = Key,
                Settings = _settings,
                Place = _place!,
                ServerHardware = _server,
                Ack = _machine.Ack!,
                BoundAt = _machine.BoundAt,
                BootId = _context.BootId,
            };
            _context.Store.Write(_stored);
            if (isNew)
                LowerMtu(terms.Mtu);
            _context.Log($"{Key}: {(isNew ? "bound" : "prolonged")} {result.Ips[0].Address} by {LeaseTerms.Text(_machine.Ack!.Server)} "
                + (terms.IsForEver ? "for ever" : $"for {terms.Length.TotalSeconds:0} s"));
            foreach (var client in _waiting)
                client.AnswerResult(result);
            _waiting.Clear();
        }
        catch (Exception error) when (isNew && error is CniException or IOException or UnauthorizedAccessException)
        {
            // What cannot be told or kept is given back.
            var failure = error is CniException known ? known : new CniException(CniError.IoFailure, $"dhcp: cannot keep the lease: {error.Message}", inner: error);
            FailWaiting(failure);
            Release(failure.Message);
        }
        catch (Exception error) when (error is CniException or IOException or UnauthorizedAccessException)
        {
            _context.Log($"{Key}: cannot keep the lease on disk: {error.Message}"); // it goes on, and does not survive a restart
        }
    }

    // Only ever lower: what is beneath the interface may not carry more.
    private void LowerMtu(int mtu)
    {
        if (mtu == 0 || !_settings.TakesMtu)
            return;
        try
        {
            Change(link => mtu < link.Mtu ? new LinkSettings { Mtu = mtu } : null);
        }
        catch (Exception error) when (error is CniException or IOException)
        {
            _context.Log($"{Key}: cannot set the MTU {mtu} that the server wants: {error.Message}");
        }
    }

    // The address is another's now, maybe at once: the container must not use it (RFC 2131 section 4.4.5).
    private void Lose(string why)
    {
        _context.Log($"{Key}: lost {LeaseTerms.Text(_machine.Terms!.Address)}: {why}; interface \"{Key.IfName}\" is set down");
        try
        {
            Change(static link => link.IsUp ? new LinkSettings { Up = false } : null);
        }
        catch (Exception error) when (error is CniException or IOException)
        {
            _context.Log($"{Key}: cannot set \"{Key.IfName}\" down: {error.Message}");
        }

        Drop(new CniException(CniError.Internal, $"dhcp: the lease was lost: {why}"));
    }

    private void Change(Func<Link, LinkSettings?> change) =>
        LeaseChannel.Open(_netns, _context.HostPrefix, Key.IfName, expected: _place, use: (route, link) =>
        {
            if (change(link) is not { } settings)
                return;
            var batch = new NetlinkBatch();
            batch.SetLink(link.Index, settings);
            route.Execute(batch);
        }).Dispose();

    private void Drop(CniException forWaiting)
    {
        IsDone = true;
        FailWaiting(forWaiting);
        CloseChannel();
        try
        {
            if (_stored is not null)
                _context.Store.Remove(Key);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            _context.Log($"{Key}: cannot remove the lease from disk: {error.Message}");
        }
    }

    private void FailWaiting(CniException error)
    {
        foreach (var client in _waiting)
            client.AnswerError(error);
        _waiting.Clear();
    }

    private void OpenChannel(bool setUp)
    {
        if (_channel is not null)
            return;
        _channel = LeaseChannel.Open(_netns, _context.HostPrefix, Key.IfName, (_machine.Ack ?? _stored?.Ack)?.YourAddress ?? 0, _place, setUp);
        _place = _channel.Place;
        _machine.Hardware = _place.Hardware;
    }

    private void CloseChannel()
    {
        _channel?.Dispose();
        _channel = null;
    }
}
