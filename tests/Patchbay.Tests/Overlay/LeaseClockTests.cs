using Patchbay.Policy.Overlay.Controller;

namespace Patchbay.Tests.Overlay;

/// <summary>When leases expire although clocks jump.</summary>
public class LeaseClockTests
{
    private static readonly TimeSpan Week = TimeSpan.FromDays(7);
    private readonly JumpingClock _time = new();

    [Fact]
    public void A_lease_that_was_not_renewed_for_the_time_told_has_expired()
    {
        var clock = new LeaseClock(_time, Week);
        long renewed = clock.Now;

        _time.Pass(Week - TimeSpan.FromSeconds(1));
        Assert.True(renewed > clock.Expired);
        _time.Pass(TimeSpan.FromSeconds(1));
        Assert.False(renewed > clock.Expired);
    }

    [Theory]
    [InlineData(30)]
    [InlineData(-30)]
    public void A_clock_that_is_set_while_the_controller_runs_changes_nothing(int days)
    {
        var clock = new LeaseClock(_time, Week);
        _time.Pass(TimeSpan.FromHours(1));
        long renewed = clock.Now;

        _time.Jump(TimeSpan.FromDays(days));

        Assert.Equal(renewed, clock.Now);
        Assert.True(renewed > clock.Expired);
    }

    [Fact]
    public void After_a_start_with_another_time_hosts_can_renew_before_anything_expires()
    {
        long renewed = new LeaseClock(_time, Week).Now;
        _time.Jump(TimeSpan.FromDays(30));
        var clock = new LeaseClock(_time, Week);

        Assert.True(renewed > clock.Expired);
        _time.Pass(TimeSpan.FromMinutes(4));
        Assert.True(renewed > clock.Expired);
        long again = clock.Now;
        _time.Pass(TimeSpan.FromMinutes(1));
        Assert.False(renewed > clock.Expired);
        Assert.True(again > clock.Expired);
    }

    private sealed class JumpingClock : TimeProvider
    {
        private DateTimeOffset _now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        public override DateTimeOffset GetUtcNow() => _now;

        internal void Pass(TimeSpan time)
        {
            _now += time;
            _ticks += time.Ticks;
        }

        internal void Jump(TimeSpan time) => _now += time;
    }
}
