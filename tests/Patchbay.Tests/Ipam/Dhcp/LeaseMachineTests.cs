using Patchbay.Plugins.Ipam.Dhcp.Leases;
using Patchbay.Plugins.Ipam.Dhcp.Protocol;

namespace Patchbay.Tests.Ipam.Dhcp;

/// <summary>The states of RFC 2131 against a server that is these tests, with a clock of their own.</summary>
public sealed class LeaseMachineTests
{
    private readonly FakeClock _clock = new();
    private readonly LeaseMachine _machine;
    private DhcpMessage? _sent;

    public LeaseMachineTests() => _machine = New();

    [Fact]
    public void A_lease_is_asked_for_in_four_messages()
    {
        _machine.Begin();
        Assert.Equal("Broadcast Discover", Next());
        Assert.Equal([0, 7], _sent!.Options[DhcpOption.ClientIdentifier]);
        Assert.Equal([1, 3], _sent.Options[DhcpOption.ParameterRequestList]);
        Assert.Equal("pod"u8.ToArray(), _sent.Options[DhcpOption.HostName]);
        Assert.Null(_sent.Options[DhcpOption.RequestedAddress]);

        Receive(DhcpMessageType.Offer);
        Assert.Equal("Broadcast Request", Next());
        Assert.Equal(Messages.Address, _sent.Options.Number(DhcpOption.RequestedAddress));
        Assert.Equal(Messages.Server, _sent.Server);
        Assert.Equal(0u, _sent.ClientAddress);

        Receive(DhcpMessageType.Ack);
        Assert.Equal("Bound ", Next());
        Assert.Equal(LeaseState.Bound, _machine.State);
        Assert.Equal(_clock.Now + TimeSpan.FromSeconds(60), _machine.Deadline);
    }

    [Fact]
    public void The_answers_of_others_do_not_count()
    {
        _machine.Begin();
        Next();
        _machine.Receive(Messages.Answer(DhcpMessageType.Offer, _sent!.TransactionId + 1));
        _machine.Receive(new DhcpMessage { IsRequest = false, TransactionId = _sent.TransactionId, YourAddress = 1 });
        Receive(DhcpMessageType.Ack);
        Receive(DhcpMessageType.Nak);
        _machine.Receive(Messages.Answer(DhcpMessageType.Offer, _sent.TransactionId, address: 0));
        _machine.Receive(Messages.Answer(DhcpMessageType.Offer, _sent.TransactionId, server: 0));
        Assert.Equal(LeaseState.Selecting, _machine.State);

        Receive(DhcpMessageType.Offer);
        Next();
        _machine.Receive(Messages.Answer(DhcpMessageType.Ack, _sent.TransactionId, server: Messages.Server + 1));
        _machine.Receive(Messages.Answer(DhcpMessageType.Ack, _sent.TransactionId, address: Messages.Address + 1));
        Assert.Equal(LeaseState.Requesting, _machine.State);
    }

    [Fact]
    public void An_exchange_is_three_messages_and_two_quick_repeats()
    {
        _machine.Begin();
        var began = _clock.Now;
        var times = new List<double>();
        for (; Next() == "Broadcast Discover"; Pass())
            times.Add((_clock.Now - began).TotalSeconds);
        Assert.Equal([0, 0.01, 0.1, 1.1, 3.1], times.Select(t => Math.Round(t, 3)));
        Assert.Equal(LeaseState.Init, _machine.State);
        Assert.Equal(7.1, (_clock.Now - began).TotalSeconds, 3);
        Assert.InRange((_machine.Deadline!.Value - _clock.Now).TotalSeconds, 1, 3); // a fast retry
    }

    [Fact]
    public void Without_a_server_it_ends_in_time()
    {
        _machine.Begin();
        var began = _clock.Now;
        int messages = 0;
        string last = "";
        while (_machine.State != LeaseState.Ended)
        {
            for (string next = Next(); next.Length > 0; next = Next())
                last = next;
            messages++;
            Pass();
        }

        last = Next();
        Assert.Equal(TimeSpan.FromSeconds(100), _clock.Now - began);
        Assert.Equal("Failed no more tries: no DHCP server gave an address within 100 s", last);
        Assert.InRange(messages, 20, 60);
    }

    [Fact]
    public void A_refused_request_begins_anew()
    {
        _machine.Begin();
        Next();
        Receive(DhcpMessageType.Offer);
        Next();
        Receive(DhcpMessageType.Nak);
        Assert.Equal(LeaseState.Init, _machine.State);
        uint before = _sent!.TransactionId;
        Pass();
        Assert.Equal("Broadcast Discover", Next());
        Assert.NotEqual(before, _sent.TransactionId);
    }

    [Fact]
    public void A_lease_is_renewed_with_its_server()
    {
        Bind();
        Pass(); // T1
        Assert.Equal("Unicast Request", Next());
        Assert.Equal(LeaseState.Renewing, _machine.State);
        Assert.Equal(Messages.Address, _sent!.ClientAddress);
        Assert.Null(_sent.Options[DhcpOption.RequestedAddress]);
        Assert.Null(_sent.Options[DhcpOption.ServerIdentifier]);
        _clock.Advance(TimeSpan.FromSeconds(2));
        _machine.Receive(Messages.Answer(DhcpMessageType.Ack, _sent.TransactionId, server: 0, lease: 600));
        Assert.Equal("Bound ", Next());
        // The lease counts from the request, not from the answer; the server's name stays.
        Assert.Equal(_clock.Now - TimeSpan.FromSeconds(2) + TimeSpan.FromSeconds(300), _machine.Deadline);
        Assert.Equal(Messages.Server, _machine.Ack!.Server);
    }

    [Fact]
    public void A_silent_server_leads_to_any_server_and_then_to_the_end()
    {
        var bound = Bind();
        var heard = new List<string>();
        while (_machine.State != LeaseState.Ended)
        {
            Pass();
            for (string next = Next(); next.Length > 0; next = Next())
                heard.Add($"{(_clock.Now - bound).TotalSeconds:0} {next}");
        }

        Assert.Equal(
            ["60 Unicast Request", "81 Unicast Request", "93 Unicast Request", "102 Broadcast Request", "114 Broadcast Request", "120 Lost it expired, and no server prolonged it"],
            heard);
        Assert.False(_machine.HasLease);
    }

    [Fact]
    public void Another_server_may_prolong_it_when_its_own_does_not()
    {
        Bind();
        while (_machine.State != LeaseState.Rebinding)
        {
            Pass();
            Next();
        }

        Assert.Equal(Messages.Address, _sent!.ClientAddress);
        _machine.Receive(Messages.Answer(DhcpMessageType.Ack, _sent.TransactionId, server: Messages.Server + 1));
        Assert.Equal("Bound ", Next());
        Assert.Equal(Messages.Server + 1, _machine.Ack!.Server);
    }

    [Fact]
    public void A_server_that_forgot_may_give_the_same_address_again()
    {
        Bind();
        Pass();
        Next();
        Receive(DhcpMessageType.Nak);
        Assert.Equal("Broadcast Discover", Next());
        Assert.Equal(Messages.Address, _sent!.Options.Number(DhcpOption.RequestedAddress));
        Assert.True(_machine.HasLease);
        _machine.Receive(Messages.Answer(DhcpMessageType.Offer, _sent.TransactionId, address: Messages.Address + 1));
        Assert.Equal("", Next()); // of no use to a container that has the old one
        Receive(DhcpMessageType.Offer);
        Assert.Equal("Broadcast Request", Next());
        Receive(DhcpMessageType.Ack);
        Assert.Equal("Bound ", Next());
    }

    [Fact]
    public void A_server_that_does_not_takes_it_away()
    {
        Bind();
        Pass();
        Next();
        Receive(DhcpMessageType.Nak);
        var refused = _clock.Now;
        string last = "";
        while (_machine.State != LeaseState.Ended)
        {
            Pass();
            for (string next = Next(); next.Length > 0; next = Next())
                last = next;
        }

        Assert.Equal("Lost the server does not give 10.5.0.36 any more", last);
        Assert.Equal(14, (_clock.Now - refused).TotalSeconds);
    }

    [Fact]
    public void After_a_restart_the_address_is_asked_for_again()
    {
        var before = _clock.Now - TimeSpan.FromSeconds(30);
        _machine.Resume(Messages.Answer(DhcpMessageType.Ack, 1), before);
        Assert.Equal("Broadcast Request", Next());
        Assert.Equal(LeaseState.Rebooting, _machine.State);
        Assert.True(_machine.HasLease);
        Assert.Equal(0u, _sent!.ClientAddress);
        Assert.Equal(Messages.Address, _sent.Options.Number(DhcpOption.RequestedAddress));
        Assert.Null(_sent.Options[DhcpOption.ServerIdentifier]); // RFC 2131 section 4.3.2
        Receive(DhcpMessageType.Ack);
        Assert.Equal("Bound ", Next());
        Assert.Equal(_clock.Now + TimeSpan.FromSeconds(60), _machine.Deadline);
    }

    [Theory]
    [InlineData(30, nameof(LeaseState.Bound))]
    [InlineData(60, nameof(LeaseState.Renewing))]
    [InlineData(104, nameof(LeaseState.Rebinding))]
    public void After_a_restart_without_a_server_a_running_lease_goes_on(int age, string expected)
    {
        _machine.Resume(Messages.Answer(DhcpMessageType.Ack, 1), _clock.Now - TimeSpan.FromSeconds(age));
        while (_machine.State == LeaseState.Rebooting)
            Pass();
        Assert.Equal(expected, _machine.State.ToString());
    }

    [Fact]
    public void A_lease_that_ended_while_nobody_looked_is_asked_for_anew()
    {
        _machine.Resume(Messages.Answer(DhcpMessageType.Ack, 1), _clock.Now - TimeSpan.FromSeconds(121));
        Assert.Equal("Broadcast Discover", Next());
        Assert.Equal(Messages.Address, _sent!.Options.Number(DhcpOption.RequestedAddress));
    }

    [Fact]
    public void A_lease_for_ever_is_never_renewed()
    {
        _machine.Begin();
        Next();
        Receive(DhcpMessageType.Offer);
        Next();
        _machine.Receive(Messages.Answer(DhcpMessageType.Ack, _sent!.TransactionId, lease: uint.MaxValue));
        Assert.Null(_machine.Deadline);
        Assert.Null(_machine.Expiry);
    }

    [Fact]
    public void What_is_held_or_may_be_is_released()
    {
        _machine.Begin();
        Next();
        Assert.Null(_machine.Release());

        LeaseMachine asked = New();
        asked.Begin();
        asked.TryTake(out _, out var discover, out _);
        asked.Receive(Messages.Answer(DhcpMessageType.Offer, discover!.TransactionId));
        Assert.Equal(Messages.Address, asked.Release()!.ClientAddress); // the acknowledgement may be under way

        LeaseMachine held = New();
        held.Resume(Messages.Answer(DhcpMessageType.Ack, 1), _clock.Now);
        DhcpMessage release = held.Release()!;
        Assert.Equal((DhcpMessageType.Release, Messages.Address, Messages.Server), (release.Type, release.ClientAddress, release.Server));
        Assert.Equal([0, 7], release.Options[DhcpOption.ClientIdentifier]);
        Assert.Equal(LeaseState.Ended, held.State);
        Assert.Null(held.Deadline);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Answers_by_broadcast_are_asked_for_only_if_told(bool told)
    {
        LeaseMachine machine = New(told);
        machine.Begin();
        machine.TryTake(out _, out var discover, out _);
        Assert.Equal(told, discover!.Broadcast);
    }

    private LeaseMachine New(bool broadcast = false) => new(
        _clock,
        new Random(1),
        new LeaseTiming { Exchange = TimeSpan.FromSeconds(7), LongestPause = TimeSpan.FromSeconds(20), Total = TimeSpan.FromSeconds(100), Broadcast = broadcast },
        new ClientSettings { ClientId = [0, 7], Request = [1, 3], Provide = [(DhcpOption.HostName, "pod"u8.ToArray())] },
        Messages.Mac);

    private TimeSpan Bind()
    {
        _machine.Begin();
        Next();
        Receive(DhcpMessageType.Offer);
        Next();
        Receive(DhcpMessageType.Ack);
        Assert.Equal("Bound ", Next());
        return _clock.Now;
    }

    private void Receive(DhcpMessageType type) => _machine.Receive(Messages.Answer(type, _sent!.TransactionId));

    private void Pass()
    {
        if (_machine.Deadline is not { } deadline)
            return;
        _clock.Advance(deadline - _clock.Now);
        _machine.Tick();
    }

    private string Next()
    {
        if (!_machine.TryTake(out var what, out var message, out string text))
            return "";
        _sent = message ?? _sent;
        return $"{what} {(message is null ? text : message.Type)}";
    }
}
