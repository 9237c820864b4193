namespace Patchbay.Plugins.Ipam.Dhcp.Leases;

/// <summary>The time since the machine started, suspension included: leases run on while it sleeps, and nobody sets this clock (clock_gettime(2), CLOCK_BOOTTIME).</summary>
internal sealed unsafe class BootClock : TimeProvider
{
    public override long TimestampFrequency => 1_000_000_000;

    /// <summary>Changes with each start of the machine: times of another start mean nothing.</summary>
    internal static string BootId()
    {
        try
        {
            return File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    public override long GetTimestamp()
    {
        long* time = stackalloc long[2];
        if (Libc.clock_gettime(Libc.CLOCK_BOOTTIME, time) < 0)
            throw Libc.Failure("read the clock");
        return (time[0] * TimestampFrequency) + time[1];
    }
}
