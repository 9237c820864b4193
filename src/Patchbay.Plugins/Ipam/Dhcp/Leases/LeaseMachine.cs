using Patchbay.Netlink.Rtnetlink;
using Patchbay.Plugins.Ipam.Dhcp.Protocol;

namespace Patchbay.Plugins.Ipam.Dhcp.Leases;

/// <summary>The client's side of RFC 2131 for one lease: messages and time come in, messages and news come out. Knows no sockets.</summary>
/// <remarks>Times are those of the clock's <see cref="TimeProvider.GetTimestamp"/>, from its zero. Not for several threads.</remarks>
internal sealed class LeaseMachine
{
    private const int Tries = 3;
    private const int FastAttempts = 4;
    private const ushort MaximumMessage = 1500;

    private static readonly TimeSpan FastPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan FirstSlowPause = TimeSpan.FromSeconds(4);

    // An interface that was set up just now may lose its first message: the kernel opens it, and a bridge its port, a moment later (linkwatch).
    private static readonly TimeSpan[] QuickRepeats = [TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(90)];

    private readonly TimeProvider _clock;
    private readonly Random _random;
    private readonly LeaseTiming _timing;
    private readonly ClientSettings _settings;
    private readonly Queue<(LeaseEvent Event, DhcpMessage? Message, string Text)> _output = new();
    private TimeSpan _began;
    private TimeSpan _end;
    private TimeSpan _sent;
    private uint _transaction;
    private uint _wanted;
    private DhcpMessage? _offer;
    private int _attempt;
    private int _try;
    private int _quick = QuickRepeats.Length;

    internal LeaseMachine(TimeProvider clock, Random random, LeaseTiming timing, ClientSettings settings, MacAddress hardware)
    {
        (_clock, _random, _timing, _settings, Hardware) = (clock, random, timing, settings, hardware);
    }

    /// <summary>The interface's address; it may change between exchanges.</summary>
    internal MacAddress Hardware { get; set; }

    internal LeaseState State { get; private set; }

    /// <summary>When <see cref="Tick"/> has something to do; null for never.</summary>
    internal TimeSpan? Deadline { get; private set; }

    /// <summary>The last DHCPACK; null before the first.</summary>
    internal DhcpMessage? Ack { get; private set; }

    /// <summary>What it grants.</summary>
    internal LeaseTerms? Terms { get; private set; }

    /// <summary>When the request for it was sent: the lease counts from there (RFC 2131 section 4.4.1).</summary>
    internal TimeSpan BoundAt { get; private set; }

    /// <summary>True when the address is ours to use.</summary>
    internal bool HasLease => State is LeaseState.Bound or LeaseState.Renewing or LeaseState.Rebinding or LeaseState.Rebooting || (_wanted != 0 && State != LeaseState.Ended);

    /// <summary>True while answers may come.</summary>
    internal bool Listens => State is not (LeaseState.Init or LeaseState.Bound or LeaseState.Ended);

    /// <summary>The end of the lease; null when there is none or it is for ever.</summary>
    internal TimeSpan? Expiry => Terms is { IsForEver: false } terms ? BoundAt + terms.Length : null;

    private TimeSpan Now => _clock.GetElapsedTime(0);

    /// <summary>The next thing to do or to tell.</summary>
    internal bool TryTake(out LeaseEvent what, out DhcpMessage? message, out string text)
    {
        bool any = _output.TryDequeue(out var item);
        (what, message, text) = item;
        return any;
    }

    /// <summary>INIT: asks for a new lease.</summary>
    internal void Begin()
    {
        (_began, _end, _attempt, _quick) = (Now, Now + _timing.Total, 0, 0);
        Discover();
    }

    /// <summary>INIT-REBOOT: takes up a lease that an earlier process had.</summary>
    internal void Resume(DhcpMessage ack, TimeSpan boundAt)
    {
        (Ack, Terms, BoundAt, _began) = (ack, new LeaseTerms(ack), boundAt, Now);
        if (Now >= Expiry)
        {
            Reacquire();
            return;
        }

        State = LeaseState.Rebooting;
        NewExchange();
        Send();
    }

    /// <summary>A message came.</summary>
    internal void Receive(DhcpMessage message)
    {
        if (!Listens || message.IsRequest || message.TransactionId != _transaction || message.Hardware != Hardware)
            return;
        switch (State, message.Type)
        {
            case (LeaseState.Selecting, DhcpMessageType.Offer) when message.YourAddress != 0 && message.Server != 0 && (_wanted == 0 || message.YourAddress == _wanted):
                _offer = message;
                State = LeaseState.Requesting;
                (_try, _sent) = (0, Now);
                Send();
                break;
            case (LeaseState.Requesting, DhcpMessageType.Ack) when message.YourAddress == _offer!.YourAddress && IsFromChosen(message):
                Bind(message);
                break;
            case (LeaseState.Requesting, DhcpMessageType.Nak) when IsFromChosen(message):
                Pause();
                break;
            case (LeaseState.Rebooting or LeaseState.Renewing or LeaseState.Rebinding, DhcpMessageType.Ack) when message.YourAddress == Terms!.Address:
                Bind(message);
                break;
            case (LeaseState.Rebooting or LeaseState.Renewing or LeaseState.Rebinding, DhcpMessageType.Nak):
                Reacquire();
                break;
        }
    }

    /// <summary>The deadline has come.</summary>
    internal void Tick()
    {
        if (Deadline is not { } deadline || Now < deadline)
            return;
        switch (State)
        {
            case LeaseState.Init when Now >= _end:
            case LeaseState.Selecting or LeaseState.Requesting when Now >= _end:
                GiveUp();
                break;
            case LeaseState.Init:
                Discover();
                break;
            case LeaseState.Selecting or LeaseState.Requesting or LeaseState.Rebooting when _try < Tries:
                Send();
                break;
            case LeaseState.Selecting or LeaseState.Requesting:
                Pause();
                break;
            case LeaseState.Rebooting: // nobody answers: a lease that still runs may be used (RFC 2131 section 3.2, 3)
            case LeaseState.Bound:
            case LeaseState.Renewing:
            case LeaseState.Rebinding:
                Maintain();
                break;
        }
    }

    /// <summary>What gives the address back; null when there is none. Then the machine has ended.</summary>
    internal DhcpMessage? Release()
    {
        // A server that was asked for its offer may have granted it by now.
        DhcpMessage? granted = HasLease ? Ack : State == LeaseState.Requesting ? _offer : null;
        End();
        return granted is null ? null : MakeRelease(granted, _settings, Hardware, (uint)_random.NextInt64(uint.MaxValue));
    }

    /// <summary>DHCPRELEASE for what a server granted (RFC 2131 section 4.4.6).</summary>
    internal static DhcpMessage MakeRelease(DhcpMessage granted, ClientSettings settings, MacAddress hardware, uint transaction)
    {
        var message = new DhcpMessage { TransactionId = transaction, ClientAddress = granted.YourAddress, Hardware = hardware };
        message.Options.Set(DhcpOption.MessageType, (byte)DhcpMessageType.Release);
        message.Options.Set(DhcpOption.ClientIdentifier, ClientId(settings));
        message.Options.SetNumber(DhcpOption.ServerIdentifier, granted.Server);
        return message;
    }

    private static byte[] ClientId(ClientSettings settings)
    {
        foreach (var (code, value) in settings.Provide)
        {
            if (code == DhcpOption.ClientIdentifier)
                return value;
        }

        return settings.ClientId;
    }

    private bool IsFromChosen(DhcpMessage message) => message.Server == 0 || message.Server == _offer!.Server;

    private void NewExchange() => (_transaction, _try, _sent) = ((uint)_random.NextInt64(uint.MaxValue), 0, Now);

    private void Discover()
    {
        State = LeaseState.Selecting;
        _offer = null;
        NewExchange();
        Send();
    }

    // Three times within the time of an exchange, the pauses doubling: 1/7, 2/7, 4/7 of it.
    private void Send()
    {
        bool quick = _quick < QuickRepeats.Length && State == LeaseState.Selecting;
        if (!quick)
            _try++;
        var pause = quick ? QuickRepeats[_quick++] : _timing.Exchange * (1 << (_try - 1)) / 7;
        var next = Now + pause;
        Deadline = State != LeaseState.Rebooting && next > _end ? _end : next;
        Put(LeaseEvent.Broadcast, Question());
    }

    private void Pause()
    {
        State = LeaseState.Init;
        var pause = FastPause;
        if (_attempt >= FastAttempts)
            pause = TimeSpan.FromTicks(Math.Min(_timing.LongestPause.Ticks, FirstSlowPause.Ticks << Math.Min(_attempt - FastAttempts, 20)));
        _attempt++;
        pause += TimeSpan.FromSeconds((2 * _random.NextDouble()) - 1);
        var next = Now + (pause > TimeSpan.Zero ? pause : TimeSpan.Zero);
        Deadline = next < _end ? next : _end;
    }

    private void GiveUp()
    {
        bool had = _wanted != 0;
        End();
        if (had)
            Put(LeaseEvent.Lost, text: $"the server does not give {LeaseTerms.Text(_wanted)} any more");
        else
            Put(LeaseEvent.Failed, text: $"no more tries: no DHCP server gave an address within {_timing.Total.TotalSeconds:0.###} s");
    }

    private void Bind(DhcpMessage ack)
    {
        // Some servers leave their name out when they prolong a lease; it stays the one that gave it.
        if (ack.Server == 0 && (_offer ?? Ack) is { } before)
            ack.Options.SetNumber(DhcpOption.ServerIdentifier, before.Server);
        (Ack, Terms, BoundAt, _offer, _wanted) = (ack, new LeaseTerms(ack), _sent, null, 0);
        State = LeaseState.Bound;
        Deadline = Terms.IsForEver ? null : BoundAt + Terms.Renewal;
        Put(LeaseEvent.Bound);
    }

    private void Maintain()
    {
        if (Terms!.IsForEver)
        {
            State = LeaseState.Bound;
            Deadline = null;
            return;
        }

        TimeSpan renewal = BoundAt + Terms.Renewal, rebinding = BoundAt + Terms.Rebinding, expiry = BoundAt + Terms.Length;
        if (Now >= expiry)
        {
            End();
            Put(LeaseEvent.Lost, text: "it expired, and no server prolonged it");
        }
        else if (Now < renewal)
        {
            State = LeaseState.Bound;
            Deadline = renewal;
        }
        else
        {
            bool rebind = Now >= rebinding;
            var state = rebind ? LeaseState.Rebinding : LeaseState.Renewing;
            if (State != state)
            {
                _began = Now;
                NewExchange();
            }

            State = state;
            _sent = Now;
            Deadline = Now + Wait((rebind ? expiry : rebinding) - Now);
            Put(rebind ? LeaseEvent.Broadcast : LeaseEvent.Unicast, Question());
        }
    }

    // Half of what is left, but not less than a minute (RFC 2131 section 4.4.5); for leases of minutes a tenth of them.
    private TimeSpan Wait(TimeSpan left)
    {
        var least = TimeSpan.FromTicks(Math.Clamp(Terms!.Length.Ticks / 10, TimeSpan.TicksPerSecond, TimeSpan.TicksPerMinute));
        var wait = left / 2 > least ? left / 2 : least;
        return wait < left ? wait : left;
    }

    // The server says that the address is not ours. If it only forgot (its files were lost), it may give the same again; no other is of
    // use, since the container is configured with this one.
    private void Reacquire()
    {
        _wanted = Terms!.Address;
        (_began, _end, _attempt) = (Now, Now + (2 * _timing.Exchange), 0);
        Discover();
    }

    private void End()
    {
        State = LeaseState.Ended;
        Deadline = null;
    }

    private DhcpMessage Question()
    {
        bool holds = State is LeaseState.Renewing or LeaseState.Rebinding;
        var message = new DhcpMessage
        {
            TransactionId = _transaction,
            Seconds = (ushort)Math.Clamp((Now - _began).TotalSeconds, 0, ushort.MaxValue),
            Broadcast = _timing.Broadcast && !holds, // with an address it can be answered to it
            ClientAddress = holds ? Terms!.Address : 0,
            Hardware = Hardware,
        };
        var options = message.Options;
        options.Set(DhcpOption.MessageType, (byte)(State == LeaseState.Selecting ? DhcpMessageType.Discover : DhcpMessageType.Request));
        options.Set(DhcpOption.ClientIdentifier, ClientId(_settings));
        uint address = State switch
        {
            LeaseState.Selecting => _wanted,
            LeaseState.Requesting => _offer!.YourAddress,
            LeaseState.Rebooting => Terms!.Address,
            _ => 0,
        };
        if (address != 0)
            options.SetNumber(DhcpOption.RequestedAddress, address);
        if (State == LeaseState.Requesting)
            options.SetNumber(DhcpOption.ServerIdentifier, _offer!.Server);
        if (_settings.Request.Length > 0)
            options.Set(DhcpOption.ParameterRequestList, _settings.Request);
        options.Set(DhcpOption.MaximumMessageSize, MaximumMessage >> 8, MaximumMessage & 0xff);
        foreach (var (code, value) in _settings.Provide)
            options.Set(code, value);
        return message;
    }

    private void Put(LeaseEvent what, DhcpMessage? message = null, string text = "") => _output.Enqueue((what, message, text));
}
