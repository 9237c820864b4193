namespace Patchbay.Tests.Ipam.Dhcp;

/// <summary>A clock that stands still until it is told to go on.</summary>
internal sealed class FakeClock : TimeProvider
{
    private TimeSpan _now = TimeSpan.FromHours(1);

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    internal TimeSpan Now => _now;

    public override long GetTimestamp() => _now.Ticks;

    internal void Advance(TimeSpan time) => _now += time;
}
